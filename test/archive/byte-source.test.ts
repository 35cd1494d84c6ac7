import assert from 'node:assert/strict';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { FileSource, PipeSource } from '../../src/archive/index.ts';
import { refusedWith } from '../fixtures/refused-with.ts';
import { ScratchFiles } from '../fixtures/scratch-files.ts';

async function* parts(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

async function read(source: FileSource | PipeSource, bytes: number): Promise<string> {
  const buffer = Buffer.alloc(bytes);
  return buffer.toString('utf8', 0, await source.fill(buffer));
}

describe('parts of files as one run of bytes', () => {
  const files = new ScratchFiles();
  after(() => files.remove());
  const segment = (text: string, start = 0, length = text.length - start) => {
    const path = files.write(Buffer.from(text));
    return { path, fd: openSync(path, 'r'), start, length };
  };

  test('are read across their ends, and passed over without reading', async () => {
    const source = new FileSource([
      segment('..abc', 2),
      segment('def..', 0, 3),
      segment('', 0),
      segment('gh'),
    ]);
    assert.equal(await read(source, 2), 'ab');
    assert.equal(await source.skip(2), 2);
    assert.equal(await read(source, 3), 'efg');
    assert.equal(await source.skip(5), 1);
    assert.equal(await read(source, 5), '');
    await source.close();
  });

  test('a file that is shorter than it was ends the run', async () => {
    const source = new FileSource([{ ...segment('abc'), length: 10 }, segment('def')]);
    assert.equal(await read(source, 12), 'abc');
    await source.close();
  });

  test('are closed with it, each once', async () => {
    const one = segment('abcdef');
    const source = new FileSource([one, { ...one, start: 3, length: 3 }]);
    assert.equal(await read(source, 9), 'abcdefdef');
    await source.close();
    assert.throws(() => fstatSync(one.fd), /EBADF/);
  });

  test('what cannot be read is told with its path', async () => {
    const fd = openSync(files.folder, 'r');
    const source = new FileSource([{ path: '/media/usb/models.tar', fd, start: 0, length: 10 }]);
    await assert.rejects(read(source, 4), refusedWith('ARCHIVE_UNREADABLE', '/media/usb/models.tar'));
    closeSync(fd);
  });
});

describe('a pipe', () => {
  test('is read in parts of any size', async () => {
    const source = new PipeSource(parts('a', '', 'bcd', 'efgh'));
    assert.equal(await read(source, 2), 'ab');
    assert.equal(await read(source, 4), 'cdef');
    assert.equal(await read(source, 9), 'gh');
    assert.equal(await read(source, 1), '');
  });

  test('gives back what was only looked at', async () => {
    const source = new PipeSource(parts('abc', 'def'));
    assert.equal(await read(source, 2), 'ab');
    source.unread(Buffer.from('ab'));
    assert.equal(await read(source, 6), 'abcdef');
  });

  test('is read where something is passed over, to its end', async () => {
    const source = new PipeSource(parts('abc', 'def'));
    assert.equal(await source.skip(4), 4);
    assert.equal(await source.skip(0), 0);
    assert.equal(await read(source, 1), 'e');
    assert.equal(await source.skip(7), 1);
  });

  test('that breaks is told', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('abc');
      throw new Error('the line went dead');
    }
    const source = new PipeSource(broken());
    await assert.rejects(read(source, 4), refusedWith('ARCHIVE_UNREADABLE', 'the pipe: the line went dead'));
  });

  test('is told when nobody reads on', async () => {
    let ended = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield Buffer.from('x');
      } finally {
        ended = true;
      }
    }
    const source = new PipeSource(endless());
    assert.equal(await read(source, 1), 'x');
    await source.close();
    assert.equal(ended, true);
  });
});
