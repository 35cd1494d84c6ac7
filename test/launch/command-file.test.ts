import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { KnownError } from '../../src/errors/index.ts';
import { firstReachable, runnableFiles } from '../../src/launch/index.ts';
import { madeElf } from './made-elf.ts';

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

put('script', '#!/bin/sh\necho hello\n');
put('env-script', '#! /bin/sh -e\n');
put('lost', '#!/no/such/interpreter\n');
put('nameless', '#!\n');
put('text', 'echo hello\n');
put('empty', '');
put('plain', '#!/bin/sh\n', 0o644);
put('loop', `#!${join(bin, 'loop')}\n`);
put('alien', madeElf({ machine: 0x1234 }));
mkdirSync(join(bin, 'folder'));
symlinkSync('script', join(bin, 'link'));
put('tool', '#!/bin/sh\n');

const find = (command: string, path = bin) =>
  runnableFiles(command, { path, directory: folder, account: undefined, self: process.execPath })[0]?.path;

const refusal = (command: string, path = bin): [string, string | undefined] => {
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
      assert.match(message ?? '', why);
    });
  }

  test('that the other user may not execute is refused', () => {
    const own = join(bin, 'own');
    copyFileSync(join(bin, 'script'), own);
    chmodSync(own, 0o700);
    const account = { uid: 61_000, gid: 61_000, name: undefined, login: undefined, home: undefined };
    const search = { path: bin, directory: folder, account, self: process.execPath };
    assert.throws(() => runnableFiles('own', search), /may not be executed by user 61000/);
    assert.equal(runnableFiles('script', search)[0]?.path, join(bin, 'script'));
  });

  test('in the search path is taken from the first place that may be executed by whoever runs by then', () => {
    const [gone, there] = [
      { path: '/no/such/tool', files: ['/no/such/tool'] },
      { path: join(bin, 'script'), files: [join(bin, 'script'), '/bin/sh'] },
    ];
    assert.equal(firstReachable('tool', [gone, there]), there.path);
    const plain = { path: there.path, files: [there.path, join(bin, 'plain')] };
    assert.throws(() => firstReachable('tool', [plain]), /\/plain may not be executed/);
  });
});

/** Files whose execve fails (fails without a start, which Node makes an abort), and some near them that run. */
suite('what the kernel looks at before it starts a file', { skip: process.platform !== 'linux' }, () => {
  const loader = join(bin, 'loader');
  const pad = (start: string, end: string, bytes: number) =>
    start + '/'.repeat(bytes - start.length - end.length) + end;
  const rows: readonly (readonly [string, string | Buffer, RegExp | 'runs'])[] = [
    ['a carriage return after the interpreter', '#!/bin/sh\r\n', /needs \/bin\/sh\r: ENOENT/],
    ['a carriage return after an argument', '#!/bin/sh -e\r\n', 'runs'],
    ['a vertical tab after the interpreter', '#!/bin/sh\x0b\n', /ENOENT/],
    ['no line break', '#!/bin/sh', 'runs'],
    ['blanks alone, up to the limit', `#!${' '.repeat(300)}/bin/sh\n`, /#! line of more than 256 bytes/],
    ['blanks alone', '#! \t \nfoo', /names no interpreter/],
    ['an interpreter that ends at the limit', pad('#!/', 'bin/sh\n', 256), 'runs'],
    ['an interpreter cut off by the limit', pad('#!/', 'bin/sh\n', 257), /#! line of more than 256 bytes/],
    ['an argument cut off by the limit', `#!/bin/sh ${'a'.repeat(300)}\n`, 'runs'],
    ['a NUL after the interpreter', '#!/bin/sh\0more\n', 'runs'],
    ['a NUL before the interpreter', '#!\0/bin/sh\n', /names no interpreter/],
    ['a byte order mark before the interpreter', '#!\ufeff/bin/sh\n', /ENOENT/],
    ['an object file', madeElf({ type: 1 }), /no program \(e_type\)/],
    ['a core dump', madeElf({ type: 4 }), /no program \(e_type\)/],
    ['type 0', madeElf({ type: 0 }), /no program \(e_type\)/],
    ['headers of another size', madeElf({ entrySize: 57 }), /headers are broken/],
    ['no headers', madeElf({ entries: 0 }), /headers are broken/],
    ['too many headers', madeElf({ entries: 2000 }), /headers are broken/],
    ['headers behind the end', madeElf().subarray(0, 100), /headers are broken/],
    ['a header that is cut off', madeElf().subarray(0, 30), /headers are broken/],
    ['a loader without its NUL', madeElf({ loader: '/bin/sh' }), /names its loader wrongly/],
    ['a loader without a name', madeElf({ loader: '\0' }), /names its loader wrongly/],
    [
      'a loader behind the end',
      madeElf({ loader: '/bin/sh\0' }).subarray(0, 125),
      /names its loader wrongly/,
    ],
    [
      'a loader that is not there',
      madeElf({ loader: '/no/loader\0' }),
      /needs the loader \/no\/loader: ENOENT/,
    ],
    [
      'a loader that may not be executed',
      madeElf({ loader: `${join(bin, 'plain')}\0` }),
      /plain may not be executed/,
    ],
    ['a loader that is a directory', madeElf({ loader: `${bin}\0` }), /not a regular file/],
    ['a loader that is no program', madeElf({ loader: `${join(bin, 'text')}\0` }), /text is no program/],
    ['a loader for another machine', madeElf({ loader: `${join(bin, 'alien')}\0` }), /for another machine/],
    [
      'a loader named far from the start',
      madeElf({ at: 9000, loader: '/no/loader\0' }),
      /\/no\/loader: ENOENT/,
    ],
    ['a loader that is there', madeElf({ loader: `${loader}\0` }), 'runs'],
    ['no loader', madeElf(), 'runs'],
  ];
  put('loader', madeElf());
  const paths = rows.map(([, content], at) => put(`row-${at}`, content));
  for (const [at, [name, , why]] of rows.entries()) {
    test(`${name}: ${why === 'runs' ? 'is taken' : 'is refused'}`, () => {
      const [code, message] = refusal(paths[at] ?? '');
      if (why === 'runs') assert.equal(code, 'found', message);
      else {
        assert.equal(code, 'COMMAND_NOT_EXECUTABLE');
        assert.match(message ?? '', why);
      }
    });
  }

  const python = spawnSync('python3', ['--version']).status === 0;
  test('the kernel says the same of all of them', {
    skip: !python && 'needs python3, which has execve',
  }, () => {
    const { stdout } = spawnSync('python3', ['-c', triesExecve, ...paths], { encoding: 'utf8' });
    const told = JSON.parse(stdout) as boolean[];
    assert.deepEqual(
      rows.map(([name], at) => [name, told[at]]),
      rows.map(([name, , why]) => [name, why === 'runs']),
    );
  });
});

/** For each path: whether execve came back. What was started may end as it likes. */
const triesExecve = `
import json, os, sys
def starts(path):
    pid = os.fork()
    if pid == 0:
        nowhere = os.open('/dev/null', os.O_RDWR)
        for fd in (0, 1, 2): os.dup2(nowhere, fd)
        try: os.execve(path, [path], {})
        except OSError: os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 99
print(json.dumps([starts(path) for path in sys.argv[1:]]))
`;
