/** The id of an allow-list, kept for ever: letters, digits and `. _ : / -`, beginning with a letter or digit, 128 at most. */
export const isListId = (text: string): boolean => /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/.test(text);
