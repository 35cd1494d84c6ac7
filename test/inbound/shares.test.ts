import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Shares } from '../../src/inbound/index.ts';
import { networkOf } from '../../src/inbound/shares.ts';

describe('places that clients share', () => {
  test('one address gets its share and no more, and the others get theirs', () => {
    const shares = new Shares({ all: 5, each: 2 });
    const leave = shares.take('10.0.0.1');
    assert.ok(leave !== undefined && shares.take('10.0.0.1') !== undefined);
    assert.equal(shares.take('10.0.0.1'), undefined);
    assert.ok(shares.take('10.0.0.2') !== undefined);
    leave();
    assert.ok(shares.take('10.0.0.1') !== undefined);
    assert.equal(shares.take('10.0.0.1'), undefined);
  });

  test('all of them together get what there is', () => {
    const shares = new Shares({ all: 3, each: 3 });
    for (const address of ['10.0.0.1', '10.0.0.2', '10.0.0.3']) assert.ok(shares.take(address) !== undefined);
    assert.equal(shares.take('10.0.0.4'), undefined);
    assert.equal(shares.taken, 3);
  });

  test('the addresses of one IPv6 network have four shares together, however many they are', () => {
    const shares = new Shares({ all: 100, each: 2 });
    const taken = Array.from({ length: 50 }, (_, at) => shares.take(`2001:db8:0:1::${at + 1}`));
    assert.equal(taken.filter((leave) => leave !== undefined).length, 8);
    assert.ok(shares.take('2001:db8:0:2::1') !== undefined);
    assert.ok(shares.take('10.0.0.1') !== undefined);
  });

  test('a place is given back once, however often it is said', () => {
    const shares = new Shares({ all: 2, each: 2 });
    const leave = shares.take('a');
    shares.take('a');
    leave?.();
    leave?.();
    assert.equal(shares.taken, 1);
    assert.ok(shares.take('a') !== undefined);
    assert.equal(shares.take('a'), undefined);
  });

  test('in whatever order clients come and go, no limit is passed and nothing is left at the end', () => {
    const turns = fc.array(fc.tuple(fc.nat(3), fc.boolean()), { maxLength: 200 });
    fc.assert(
      fc.property(turns, (steps) => {
        const shares = new Shares({ all: 6, each: 3 });
        const held = new Map<number, (() => void)[]>();
        for (const [client, comes] of steps) {
          const own = held.get(client) ?? [];
          held.set(client, own);
          const count = [...held.values()].reduce((sum, { length }) => sum + length, 0);
          if (!comes) own.pop()?.();
          else {
            const leave = shares.take(`10.0.0.${client}`);
            assert.equal(leave !== undefined, own.length < 3 && count < 6);
            if (leave !== undefined) own.push(leave);
          }
        }
        for (const leave of [...held.values()].flat()) leave();
        assert.equal(shares.taken, 0);
      }),
    );
  });
});

test('the network of an address is its /64, in whatever way the address is written', () => {
  for (const [address, network] of [
    ['2001:db8:0:1:2:3:4:5', '2001:db8:0:1::/64'],
    ['2001:db8:0:1::', '2001:db8:0:1::/64'],
    ['2001:DB8::1', '2001:db8:0:0::/64'],
    ['2001:0db8:0000:0001::7', '2001:db8:0:1::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['1:2:3:4:5:6:192.0.2.1', '1:2:3:4::/64'],
    ['10.0.0.1', undefined],
    ['', undefined],
  ] as const)
    assert.equal(networkOf(address), network, address);
});
