import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { parseDigest } from '../../src/oci/index.ts';
import { LibraryStandIn, type Mischief } from '../fixtures/library-stand-in.ts';
import { patternedBytes } from '../fixtures/patterned-bytes.ts';
import { testUpstream } from '../fixtures/test-upstream.ts';

let library: LibraryStandIn;
const blob = Buffer.from(patternedBytes(100_000));
const digest = parseDigest(`sha256:${createHash('sha256').update(blob).digest('hex')}`);
const never = new AbortController().signal;
const piece = 30_000;
const ranges = [0, 1, 2, 3].map((at) => ({
  start: at * piece,
  end: Math.min((at + 1) * piece, blob.length),
}));
beforeEach(async () => {
  library = await LibraryStandIn.start();
  library.publish('library/sample', 'latest', Buffer.from('{}'), [blob]);
});
afterEach(() => library.close());

/** Fetches the blob in four pieces; gives what was got, put together. */
async function fetchAll(more: Parameters<typeof testUpstream>[1] = {}, signal = never, size = blob.length) {
  const { upstream, waited } = testUpstream(library.url, more);
  const got = Buffer.alloc(blob.length);
  const order: number[] = [];
  try {
    await upstream.blob('library/sample', digest, size).pieces(
      ranges,
      async ({ start }, bytes) => {
        order.push(start);
        got.set(bytes, start);
      },
      signal,
    );
  } finally {
    await upstream.close();
  }
  return { got, waited, order };
}

const refused = (code: string, words: RegExp, more: Parameters<typeof testUpstream>[1] = {}) =>
  assert.rejects(fetchAll(more), { code, message: words });

/** Requests for bytes are answered in another way while this says so. */
function atStore(mischief: Mischief): void {
  library.mischief = (request, response) => request.at === 'store' && mischief(request, response);
}

/** Only the first request for bytes. */
function atFirst(mischief: (...of: Parameters<Mischief>) => void): void {
  let first = true;
  atStore((request, response) => {
    if (!first) return false;
    first = false;
    mischief(request, response);
    return true;
  });
}

const whole = (range: string | undefined): [number, number] => {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? [];
  return [Number(first), Number(last) + 1];
};

describe('a blob', () => {
  test('comes in exactly the ranges that were asked for, through the redirect', async () => {
    const { got } = await fetchAll({ limits: { piecesInFlight: 1 } });
    assert.ok(got.equals(blob));
    assert.deepEqual(library.ranges, [
      'bytes=0-29999',
      'bytes=30000-59999',
      'bytes=60000-89999',
      'bytes=90000-99999',
    ]);
    const asked = library.requests.filter(({ at }) => at === 'library');
    assert.equal(asked.length, 1, 'the signed address is used again');
    for (const { headers } of library.requests)
      assert.deepEqual([headers['accept-encoding'], headers.authorization], ['identity', undefined]);
  });

  test('has no more pieces in memory than are in flight: a place is free when its piece was taken', async () => {
    const { upstream } = testUpstream(library.url, { limits: { piecesInFlight: 2 } });
    let [now, most] = [0, 0];
    await upstream.blob('library/sample', digest, blob.length).pieces(
      ranges,
      async () => {
        now += 1;
        most = Math.max(most, now);
        await new Promise((resolve) => setImmediate(resolve));
        now -= 1;
      },
      never,
    );
    assert.ok(most <= 2, `${most}`);
    await upstream.close();
  });

  test('that is cut in the middle of a piece goes on where it was cut', async () => {
    atFirst(({ headers }, response) => {
      const [start, end] = whole(headers.range);
      response.writeHead(206, {
        'content-length': end - start,
        'content-range': `bytes ${start}-${end - 1}/${blob.length}`,
      });
      response.write(blob.subarray(start, start + 12_345), () => response.destroy());
    });
    const { got } = await fetchAll({ limits: { piecesInFlight: 1 } });
    assert.ok(got.equals(blob));
    assert.equal(library.ranges.length, 5);
    assert.match(library.ranges[1] ?? '', /^bytes=[1-9]\d*-29999$/);
  });

  test('that is cut again and again comes through as long as it moves', async () => {
    atStore(({ headers }, response) => {
      const [start, end] = whole(headers.range);
      if (end - start < 5000) return false;
      response.writeHead(206, {
        'content-length': end - start,
        'content-range': `bytes ${start}-${end - 1}/${blob.length}`,
      });
      response.write(blob.subarray(start, start + 4000), () => response.destroy());
      return true;
    });
    assert.ok((await fetchAll()).got.equals(blob));
  });

  test('that stalls is asked for again', async () => {
    atFirst(({ headers }, response) => {
      const [start, end] = whole(headers.range);
      response.writeHead(206, { 'content-range': `bytes ${start}-${end - 1}/${blob.length}` });
      response.write(blob.subarray(start, start + 10));
    });
    assert.ok((await fetchAll({ limits: { stallMs: 1000 } })).got.equals(blob));
  });

  test('whose signed address expired is asked for from the beginning, once', async () => {
    let asked = 0;
    atStore((_, response) => {
      asked += 1;
      if (asked !== 2) return false;
      response.writeHead(403).end('expired');
      return true;
    });
    assert.ok((await fetchAll({ limits: { piecesInFlight: 1 } })).got.equals(blob));
    assert.equal(library.requests.filter(({ at }) => at === 'library').length, 2);
  });

  test('that nobody wants any more is let go of', async () => {
    const leaving = new AbortController();
    atStore(() => {
      leaving.abort(new Error('left'));
      return true;
    });
    await assert.rejects(fetchAll({}, leaving.signal), /^Error: left$/);
  });

  test('whose taker fails is not fetched on', async () => {
    const { upstream } = testUpstream(library.url, { limits: { piecesInFlight: 1 } });
    const source = upstream.blob('library/sample', digest, blob.length);
    await assert.rejects(
      source.pieces(
        ranges,
        async () => {
          throw new Error('disk');
        },
        never,
      ),
      /^Error: disk$/,
    );
    assert.equal(library.ranges.length, 1);
    await upstream.close();
  });
});

describe('an upstream that lies', () => {
  const answering = (status: number, headers: Record<string, string | number>, body: Buffer) =>
    atStore((_, response) => {
      response.writeHead(status, headers).end(body);
      return true;
    });

  test('with a 200 for a part is refused: it would be written where it does not belong', async () => {
    answering(200, { 'content-length': blob.length }, blob);
    await refused('UPSTREAM_ANSWER', /it does not answer for parts of a blob$/);
  });
  test('with another part is refused', async () => {
    answering(206, { 'content-range': 'bytes 5-30004/100000' }, blob.subarray(5, 30_005));
    await refused('UPSTREAM_ANSWER', /it sends another part than was asked for$/);
  });
  test('with another size is refused, and both are named', async () => {
    answering(206, { 'content-range': 'bytes 0-29999/100001' }, blob.subarray(0, 30_000));
    await refused('UPSTREAM_ANSWER', /it has another size: 100001 bytes, and the manifest says 100000$/);
  });
  test('with extra bytes is refused', async () => {
    atStore(({ headers }, response) => {
      const [start, end] = whole(headers.range);
      response.writeHead(206, { 'content-range': `bytes ${start}-${end - 1}/100000` });
      response.end(Buffer.alloc(end - start + 1));
      return true;
    });
    await refused('UPSTREAM_ANSWER', /it sends more bytes than were asked for$/);
  });
  test('with an empty 200 is refused', async () => {
    answering(200, { 'content-length': 0 }, Buffer.alloc(0));
    await refused('UPSTREAM_ANSWER', /./);
  });
  test('with gzip is refused unread', async () => {
    answering(206, { 'content-encoding': 'gzip', 'content-range': 'bytes 0-29999/100000' }, Buffer.alloc(10));
    await refused('UPSTREAM_ANSWER', /it sends gzip/);
  });
  test('with too few bytes for ever is given up', async () => {
    atStore(({ headers }, response) => {
      const [start, end] = whole(headers.range);
      response.writeHead(206, { 'content-range': `bytes ${start}-${end - 1}/100000` }).end();
      return true;
    });
    await refused('UPSTREAM_UNREACHABLE', /it cut the connection$/);
  });
  test('and sends to a private address is not followed', async () => {
    library.mischief = ({ at }, response) => {
      response.writeHead(307, { location: 'https://[::ffff:169.254.169.254]/' }).end();
      return at === 'library';
    };
    await refused('UPSTREAM_REDIRECT', /it is no address of the public network$/);
  });
});
