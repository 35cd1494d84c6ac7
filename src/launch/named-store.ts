import { KnownError } from '../errors/index.ts';
import { Directory, Place, textToRaw } from '../files/index.ts';
import { refusalOf } from './own-folder.ts';

/**
 * Before anything is moved or made beside a store: that its path, as it was named, still leads to the store that was
 * checked. Root follows no link of another user on the way: whoever made one would choose the store of root's in which
 * something is moved.
 *
 * @param store absolute, links resolved: the one that was checked
 * @throws KnownError START_REFUSED
 */
export function refuseLedAstray(named: string, store: string): void {
  try {
    using place = Place.open(named, 'follow');
    using reached = place.openDirectory();
    using checked = Directory.open(textToRaw(store));
    if (reached.is(checked)) return;
  } catch (error) {
    throw refusalOf(named, error);
  }
  throw new KnownError('START_REFUSED', { problem: `${named} does not lead to ${store} any more` });
}
