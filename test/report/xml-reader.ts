/** An element of an XML document. */
export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly Element[];
  /** Its own text, without that of its children. */
  readonly text: string;
}

const name = '[A-Za-z_][A-Za-z0-9_.-]*';
const startTag = new RegExp(`<(${name})((?:\\s+${name}="[^"<]*")*)\\s*(/?)>`, 'y');
const endTag = new RegExp(`</(${name})>`, 'y');
const characters = /[^<]+/y;
const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** XML 1.0, production [2]: characters that a document may hold at all. */
const illegal = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

/**
 * Reads an XML document as our reports write it: a declaration, elements, attributes in double quotes, text and the
 * five entities; no comments, CDATA sections or DTDs. @throws Error for what is not well-formed
 */
export function readXml(document: string): Element {
  if (illegal.test(document)) throw new Error('a character that XML does not allow');
  const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n';
  if (!document.startsWith(declaration)) throw new Error('no declaration');
  const top = { name: '', attributes: {}, children: [] as Element[], text: '' };
  const open = [top];
  let at = declaration.length;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(document);
    if (match !== null) at = pattern.lastIndex;
    return match;
  };
  while (at < document.length) {
    const inner = open.at(-1) ?? top;
    const start = take(startTag);
    if (start !== null) {
      const element = {
        name: start[1] ?? '',
        attributes: readAttributes(start[2] ?? ''),
        children: [],
        text: '',
      };
      inner.children.push(element);
      if (start[3] === '') open.push(element);
      continue;
    }
    const end = take(endTag);
    if (end !== null) {
      if (open.length < 2 || inner.name !== end[1]) throw new Error(`</${end[1]}> ends nothing`);
      open.pop();
      continue;
    }
    const text = take(characters)?.[0];
    if (text === undefined) throw new Error(`no XML at character ${at}`);
    if (text.includes(']]>')) throw new Error(']]> in a text');
    inner.text += readText(text);
  }
  const [root, ...more] = top.children;
  if (open.length > 1 || root === undefined || more.length > 0) throw new Error('not one whole element');
  if (top.text.trim() !== '') throw new Error('text outside of the element');
  return root;
}

function readAttributes(text: string): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const [, key = '', value = ''] of text.matchAll(new RegExp(`(${name})="([^"]*)"`, 'g'))) {
    if (Object.hasOwn(attributes, key)) throw new Error(`the attribute ${key} stands twice`);
    attributes[key] = readText(value);
  }
  return attributes;
}

const readText = (text: string): string =>
  text.replace(/&([^;]*);?/g, (whole, entity: string) => {
    const character = whole.endsWith(';') ? entities[entity] : undefined;
    if (character === undefined) throw new Error(`no entity: ${whole.slice(0, 20)}`);
    return character;
  });
