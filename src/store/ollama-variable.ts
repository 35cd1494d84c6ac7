/** What Go's strings.TrimSpace takes away: the white space of Unicode (U+0085 is among it, U+FEFF is not). */
const blank = '[\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const blanksAround = new RegExp(`^${blank}+|${blank}+$`, 'g');

/** What Ollama makes of the value of a variable: blanks around it go, then quotes around the rest (envconfig.Var). */
export const asOllamaReads = (value: string): string =>
  value.replace(blanksAround, '').replace(/^["']+|["']+$/g, '');
