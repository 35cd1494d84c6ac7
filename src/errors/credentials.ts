/**
 * User and password of an address in a text (RFC 3986, section 3.2.1): up to the `@`; or, where what stands behind the
 * first colon is no port, up to the end of the word, since a slash may be part of a password and the `@` may be cut off.
 */
const inText = /:\/\/(?:[^\s/?#]*@|(?!\[)[^\s/?#:@]*:(?!\d{0,5}(?:[^\w.~!$&*+=%-]|$))[^\s@]*@?)/g;

/** What stands before a user in an address that was typed: the name of a host and `=`, a scheme, slashes. */
const before = /^(?:[a-z0-9.:-]{1,260}=)?(?:https?:)?[/\\]*/i;

/** A text without the user names and passwords of the addresses in it: `http://…@proxy.corp:3128`. */
export const withoutCredentials = (text: string): string =>
  text.replace(inText, (found) => `://…${found.endsWith('@') ? '@' : ''}`);

/**
 * One address as somebody typed it, right or wrong, without its user and password: whatever stands before the last `@`
 * may belong to them.
 */
export function shownAddress(typed: string): string {
  const end = typed.lastIndexOf('@');
  return end === -1 ? typed : `${before.exec(typed.slice(0, end))?.[0] ?? ''}…${typed.slice(end)}`;
}

/** Whether an address that was typed holds a user or a password. */
export const holdsCredentials = (typed: string): boolean => /^[^?#]*@/.test(typed);
