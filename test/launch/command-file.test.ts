import assert from 'node:assert/strict';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { KnownError } from '../../src/errors/index.ts';
import { refuseTooLong, resolveCommand } from '../../src/launch/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'vm-'));
after(() => rmSync(folder, { recursive: true }));
const bin = join(folder, 'bin');
const other = join(folder, 'other');
mkdirSync(bin);
mkdirSync(join(other, 'tool'), { recursive: true });

function put(name: string, content: string | Buffer, mode = 0o755): string {
  const path = join(bin, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

const elf = readFileSync(process.execPath).subarray(0, 4096);
const alien = Buffer.from(elf);
alien.writeUInt16LE(0x1234, 18);
put('script', '#!/bin/sh\necho hello\n');
put('env-script', '#! /bin/sh -e\n');
put('lost', '#!/no/such/interpreter\n');
put('nameless', '#!\n');
put('text', 'echo hello\n');
put('empty', '');
put('plain', '#!/bin/sh\n', 0o644);
put('loop', `#!${join(bin, 'loop')}\n`);
put('alien', alien);
mkdirSync(join(bin, 'folder'));
symlinkSync('script', join(bin, 'link'));
put('tool', '#!/bin/sh\n');

const find = (command: string, path = bin) =>
  resolveCommand(command, { path, directory: folder, account: undefined, self: process.execPath });

const refusal = (command: string, path = bin): [string, string] => {
  try {
    return ['found', find(command, path)];
  } catch (error) {
    if (!(error instanceof KnownError)) throw error;
    return [error.code, error.message];
  }
};

suite('a command', () => {
  const found = [
    ['script', join(bin, 'script')],
    ['link', join(bin, 'link')],
    ['env-script', join(bin, 'env-script')],
    ['./bin/script', join(bin, 'script')],
    [process.execPath, process.execPath],
  ] as const;
  for (const [command, path] of found) {
    test(`${command} is found`, () => assert.equal(find(command), path));
  }

  test('is looked for along PATH, and what cannot be run is passed over', () => {
    assert.equal(find('tool', `${other}:/no/such/folder:${bin}`), join(bin, 'tool'));
  });

  const refused = [
    ['nosuch', 'COMMAND_NOT_FOUND', /no command nosuch/],
    ['', 'COMMAND_NOT_FOUND', /no command/],
    ['./nosuch', 'COMMAND_NOT_FOUND', /nosuch/],
    ['script/below', 'COMMAND_NOT_FOUND', /below/],
    ['lost', 'COMMAND_NOT_EXECUTABLE', /needs \/no\/such\/interpreter/],
    ['nameless', 'COMMAND_NOT_EXECUTABLE', /names no interpreter/],
    ['text', 'COMMAND_NOT_EXECUTABLE', /neither a program \(ELF\) nor a script/],
    ['empty', 'COMMAND_NOT_EXECUTABLE', /neither a program/],
    ['plain', 'COMMAND_NOT_EXECUTABLE', /may not be executed/],
    ['loop', 'COMMAND_NOT_EXECUTABLE', /too many scripts in a row/],
    ['alien', 'COMMAND_NOT_EXECUTABLE', /for another machine/],
    ['folder', 'COMMAND_NOT_EXECUTABLE', /not a regular file/],
    ['/dev/null', 'COMMAND_NOT_EXECUTABLE', /not a regular file/],
  ] as const;
  for (const [command, code, why] of refused) {
    test(`${JSON.stringify(command)} is refused: ${code}`, () => {
      const [actual, message] = refusal(command);
      assert.equal(actual, code);
      assert.match(message, why);
    });
  }

  test('that the other user may not execute is refused', () => {
    const own = join(bin, 'own');
    copyFileSync(join(bin, 'script'), own);
    chmodSync(own, 0o700);
    const account = { uid: 61_000, gid: 61_000, name: undefined, home: undefined };
    const search = { path: bin, directory: folder, account, self: process.execPath };
    assert.throws(() => resolveCommand('own', search), /may not be executed by user 61000/);
    assert.equal(resolveCommand('script', search), join(bin, 'script'));
  });

  test('whose words or variables execve would refuse is refused', () => {
    const long = 'x'.repeat(130 * 1024);
    assert.throws(() => refuseTooLong('a', ['a', long], {}), /too long/);
    assert.throws(() => refuseTooLong('a', ['a'], { LONG: long }), /too long/);
    assert.throws(
      () =>
        refuseTooLong(
          'a',
          Array.from({ length: 300_000 }, () => 'abc'),
          {},
        ),
      /too long/,
    );
    refuseTooLong('a', ['a', 'x'.repeat(100_000)], { HOME: '/' });
  });
});
