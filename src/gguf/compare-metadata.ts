import type { GgufMetadata } from './read-metadata.ts';
import type { GgufType, GgufValue } from './values.ts';

/** One key that is not the same in both; without `before` it is new, without `after` it is gone. */
export interface GgufChange {
  readonly key: string;
  readonly before?: GgufValue;
  readonly after?: GgufValue;
  /** Where a value is stored as something else than before: 5 and 5 may be two things. */
  readonly types?: { readonly before: StoredType; readonly after: StoredType };
}

type StoredType = GgufType | 'malformed string';

/** What two GGUFs say differently of themselves, sorted by key. */
export function compareGgufMetadata(before: GgufMetadata, after: GgufMetadata): GgufChange[] {
  const keys = [...new Set([...before.values.keys(), ...after.values.keys()])].sort();
  return keys.flatMap((key) => {
    const types = changedTypes(before.types.get(key), after.types.get(key));
    const old = before.values.get(key);
    const fresh = after.values.get(key);
    if (types === undefined && equal(old, fresh)) return [];
    return [
      {
        key,
        ...(old === undefined ? {} : { before: old }),
        ...(fresh === undefined ? {} : { after: fresh }),
        ...(types === undefined ? {} : { types }),
      },
    ];
  });
}

function changedTypes(before: StoredType | undefined, after: StoredType | undefined): GgufChange['types'] {
  return before === undefined || after === undefined || before === after ? undefined : { before, after };
}

function equal(before: GgufValue | undefined, after: GgufValue | undefined): boolean {
  if (typeof before !== 'object' || typeof after !== 'object') return Object.is(before, after);
  if (before.kind === 'long text') {
    return after.kind === 'long text' && before.bytes === after.bytes && before.digest === after.digest;
  }
  return (
    after.kind === 'array' &&
    before.elementType === after.elementType &&
    before.count === after.count &&
    before.digest === after.digest
  );
}
