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
    const nonce = nonces.make('10.0.0.1');
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
    const old = nonces.make('10.0.0.1');
    ms += 5 * 60_000 + 1;
    const young = nonces.make('10.0.0.1');
    assert.equal(nonces.isFirst(old), false);
    for (let more = 0; more < 10_000; more += 1) nonces.make(`10.0.1.${more}`);
    assert.equal(nonces.isFirst(young), false);
  });

  test('who asks for many makes room by own ones, and takes none from the others', () => {
    const nonces = make();
    const other = nonces.make('10.0.0.2');
    const first = nonces.make('10.0.0.1');
    for (let more = 0; more < 50_000; more += 1) nonces.make('10.0.0.1');
    assert.equal(nonces.isFirst(first), false);
    assert.equal(nonces.isFirst(other), true);
  });
});
