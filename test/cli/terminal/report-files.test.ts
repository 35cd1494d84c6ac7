import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { openReportFiles } from '../../../cli/terminal/index.ts';
import { KnownError } from '../../../src/errors/index.ts';
import { until } from '../../fixtures/until.ts';

let folder: string;
let store: string;
let blobs: string;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'vm-')));
  store = join(folder, 'models');
  blobs = join(folder, 'big-disk');
  mkdirSync(join(store, 'manifests'), { recursive: true });
  mkdirSync(blobs);
  symlinkSync(blobs, join(store, 'blobs'));
  writeFileSync(join(blobs, 'sha256-x'), 'a blob');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (...files: string[]) =>
  openReportFiles(
    files.map((file) => ({ format: 'json', file })),
    store,
  );

const code = (expected: string) => (error: unknown) => error instanceof KnownError && error.code === expected;

describe('a report inside the store is refused', () => {
  const paths: Record<string, () => string> = {
    'by its path': () => join(store, 'report.json'),
    'as the store itself': () => store,
    'by a path that goes up and down': () => join(folder, 'x', '..', 'models', 'manifests', 'report.json'),
    'by a relative path': () => relative(process.cwd(), join(store, 'report.json')),
    'in blobs/ on another disk': () => join(blobs, 'report.json'),
    'through a link to a directory': () => {
      symlinkSync(store, join(folder, 'dir'));
      return join(folder, 'dir', 'report.json');
    },
    'through a link to a file of it': () => {
      symlinkSync(join(blobs, 'sha256-x'), join(folder, 'file'));
      return join(folder, 'file');
    },
    'through a link to a file that is not there yet': () => {
      symlinkSync('models/new.json', join(folder, 'dangling'));
      return join(folder, 'dangling');
    },
    'through two such links': () => {
      symlinkSync(join(store, 'new.json'), join(folder, 'second'));
      symlinkSync('second', join(folder, 'first'));
      return join(folder, 'first');
    },
  };
  for (const [how, path] of Object.entries(paths)) {
    test(how, () => {
      const file = path();
      const other = join(folder, 'other.json');
      assert.throws(() => open(other, file), code('REPORT_IN_STORE'));
      assert.ok(!existsSync(other), 'and nothing else was opened');
      assert.deepEqual(readdirSync(store).sort(), ['blobs', 'manifests']);
      assert.deepEqual(readdirSync(blobs), ['sha256-x']);
      assert.equal(readFileSync(join(blobs, 'sha256-x'), 'utf8'), 'a blob');
    });
  }

  test('as a second name of a blob, which then stays as it is', () => {
    linkSync(join(blobs, 'sha256-x'), join(folder, 'hard.json'));
    assert.throws(() => open(join(folder, 'hard.json')), code('REPORT_UNWRITABLE'));
    assert.equal(readFileSync(join(blobs, 'sha256-x'), 'utf8'), 'a blob');
  });

  test('and one beside it, whose name only begins like it, is not', () => {
    for (const report of open(join(folder, 'models.json'), join(folder, 'models-report'))) report.close();
    assert.ok(existsSync(join(folder, 'models.json')));
  });
});

describe('a report that cannot be written', () => {
  test('is said when it is opened', () => {
    writeFileSync(join(folder, 'file'), '');
    symlinkSync('loop', join(folder, 'loop'));
    for (const file of [
      folder,
      join(folder, 'nowhere', 'r.json'),
      join(folder, 'file', 'r.json'),
      join(folder, 'loop'),
    ]) {
      assert.throws(() => open(file), code('REPORT_UNWRITABLE'), file);
    }
  });

  test('because of a full device keeps its reason for later', {
    skip: existsSync('/dev/full') ? false : 'needs /dev/full',
  }, () => {
    const [report] = open('/dev/full');
    const failure = () => report?.failure?.message;
    assert.equal(failure(), undefined);
    report?.write('text');
    report?.write('more');
    report?.close();
    assert.equal(failure(), 'cannot write the report /dev/full: ENOSPC: no space left on device');
  });
});

describe('a report file', () => {
  test('is replaced whole, whatever its characters take in bytes', () => {
    const path = join(folder, 'r.json');
    writeFileSync(path, 'a much longer report of the run before this one');
    const [report] = open(path);
    report?.write('{"größe":');
    report?.write('"€"}');
    report?.close();
    report?.close();
    assert.equal(report?.failure, undefined);
    assert.equal(readFileSync(path, 'utf8'), '{"größe":"€"}');
  });

  test('is not emptied when another report of the run is refused', () => {
    const path = join(folder, 'r.json');
    writeFileSync(path, 'the run before this one');
    assert.throws(() => open(path, folder), code('REPORT_UNWRITABLE'));
    assert.equal(readFileSync(path, 'utf8'), 'the run before this one');
  });

  test('takes one report only', () => {
    const path = join(folder, 'r.json');
    symlinkSync(path, join(folder, 'same'));
    assert.throws(() => open(path, path), code('USAGE'));
    assert.throws(() => open(path, join(folder, 'same')), code('USAGE'));
  });

  test('may be a device, and that one several times', () => {
    for (const report of open('/dev/null', '/dev/null')) {
      report.write('text');
      report.close();
      assert.equal(report.failure, undefined);
    }
  });
});

describe('a pipe in the place of a report', { skip: process.platform === 'win32' }, () => {
  const pipe = () => {
    const path = join(folder, 'report.json');
    assert.equal(spawnSync('mkfifo', [path]).status, 0);
    return path;
  };

  test('that nobody reads holds nobody: it is refused at once', () => {
    assert.throws(() => open(pipe()), { code: 'REPORT_UNWRITABLE', message: /a pipe that nobody reads/ });
  });

  test('gets all of the report where somebody reads it, however large that is', async () => {
    const path = pipe();
    const copy = join(folder, 'copy');
    // Into a file: this process waits while it writes, and could take nothing from the reader.
    const reader = spawn('sh', ['-c', 'cat "$0" > "$1"', path, copy]);
    // The reader opens its end when it is there: until then the pipe is refused.
    let files: ReturnType<typeof open> | undefined;
    await until(() => {
      try {
        files = open(path);
        return true;
      } catch {
        return false;
      }
    });
    const text = 'x'.repeat(300_000);
    for (const file of files ?? []) {
      file.write(text);
      file.close();
      assert.equal(file.failure, undefined);
    }
    await once(reader, 'close');
    assert.equal(readFileSync(copy, 'utf8'), text);
  });

  test('of another user is none for root', {
    skip: process.getuid?.() === 0 ? false : 'needs root',
  }, async () => {
    const path = pipe();
    chownSync(path, 61_001, 61_001);
    const reader = spawn('cat', [path]);
    await until(() => {
      try {
        open(path);
        return false;
      } catch (error) {
        return error instanceof KnownError && /a pipe of user 61001/.test(error.message);
      }
    });
    reader.kill();
    await once(reader, 'close');
  });
});
