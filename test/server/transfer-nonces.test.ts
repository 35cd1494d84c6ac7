import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TransferNonces } from '../../server/transfer-nonces.ts';

describe('nonces of tensor clients', () => {
  let made = 0;
  let ms = 0;
  const make = () =>
    new TransferNonces(
      () => {
        made += 1;
        return `n${made}`;
      },
      () => new Date(ms),
    );

  test('the first request is told from every later one', () => {
    const nonces = make();
    const nonce = nonces.make();
    assert.equal(nonces.isSecond(nonce), false);
    assert.equal(nonces.isFirst(nonce), true);
    assert.equal(nonces.isFirst(nonce), false);
    assert.equal(nonces.isSecond(nonce), true);
    assert.equal(nonces.isSecond(nonce), true);
  });

  test('one that was never made is neither', () => {
    const nonces = make();
    for (const nonce of ['x', undefined]) {
      assert.equal(nonces.isFirst(nonce), false);
      assert.equal(nonces.isSecond(nonce), false);
    }
  });

  test('one that nobody came back with for five minutes is forgotten, and ten thousand are kept', () => {
    const nonces = make();
    const old = nonces.make();
    ms += 5 * 60_000 + 1;
    const young = nonces.make();
    assert.equal(nonces.isFirst(old), false);
    for (let more = 0; more < 10_000; more += 1) nonces.make();
    assert.equal(nonces.isFirst(young), false);
  });
});
