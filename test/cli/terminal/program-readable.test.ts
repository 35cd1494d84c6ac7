import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertProgramReadable } from '../../../cli/terminal/index.ts';
import { refusedWith } from '../../fixtures/refused-with.ts';

/** The effective user alone: whether a file can be opened is asked of that one. */
function actAs({ uid, gid }: { readonly uid: number; readonly gid: number }): () => void {
  process.setegid?.(gid);
  process.seteuid?.(uid);
  return () => {
    process.seteuid?.(0);
    process.setegid?.(0);
  };
}

test('a program that the store’s owner may not read is refused before it acts as that user', {
  skip: process.getuid?.() !== 0,
}, () => {
  const folder = mkdtempSync(join(tmpdir(), 'vm-'));
  try {
    const file = join(folder, 'program.cjs');
    writeFileSync(file, '');
    const owner = { uid: 4321, gid: 4321 };
    const ask = (singleExecutable = false) => assertProgramReadable(owner, { actAs, singleExecutable }, file);
    assert.throws(() => ask(), refusedWith('REPAIR_REFUSED', 'user 4321 may not read this program'));
    assert.equal(process.geteuid?.(), 0);
    ask(true);
    chmodSync(folder, 0o755);
    ask();
    assert.equal(process.geteuid?.(), 0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
