import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import { KnownError } from '../../src/errors/index.ts';
import { identityToken } from '../../src/trust/keyless-token.ts';
import { identityTokenOf } from '../interop/identity-token.ts';

const noCi = { getToken: () => Promise.reject('CI: no tokens available') };
const iss = 'https://accounts.example.com';
const sub = 'alice@example.com';
const good = identityTokenOf({ iss, sub });

describe('the token that says who signs', () => {
  test('is the given one, without the line end of its file', async () => {
    assert.equal(await identityToken(`${good}\n`, noCi), good);
  });

  test('is that of the CI when none is given', async () => {
    assert.equal(await identityToken(undefined, { getToken: async () => good }), good);
  });

  test('names its subject, or an e-mail address that is verified', async () => {
    for (const verified of [true, 'true']) {
      const token = identityTokenOf({ iss, sub, email: sub, email_verified: verified });
      assert.equal(await identityToken(token, noCi), token);
    }
  });

  const text = (json: string): string => `e30.${Buffer.from(json).toString('base64url')}.c2ln`;
  const mistakes: readonly (readonly [string, string | undefined, string])[] = [
    ['none, outside a CI', undefined, 'none was given, and no CI gives one here'],
    ['nothing', '', 'it is no JSON web token'],
    ['a file name', '/run/secrets/token', 'it is no JSON web token'],
    ['two parts', 'e30.e30', 'it is no JSON web token'],
    ['base64 that is not for URLs', `e30.e3+0.e30`, 'it is no JSON web token'],
    ['two lines', `${good}\n${good}`, 'it is no JSON web token'],
    ['claims that are no JSON', text('{"sub":'), 'its claims cannot be read'],
    ['claims that are no object', text('"alice"'), 'its claims cannot be read'],
    ['a subject that is no text', text('{"sub":1}'), 'its claims cannot be read'],
    ['nobody', text('{}'), 'it names nobody'],
    ['an empty name', text('{"sub":"","email":""}'), 'it names nobody'],
    ['an unverified address', text(`{"sub":"a","email":"${sub}"}`), 'its e-mail address is not verified'],
    [
      'an address said to be unverified',
      text(`{"sub":"a","email":"${sub}","email_verified":"false"}`),
      'its e-mail address is not verified',
    ],
    ['more than any CI gives', `e30.${'A'.repeat(16_400)}.e30`, 'it has more than 16384 characters'],
  ];
  for (const [what, token, problem] of mistakes) {
    test(`is refused where it is ${what}, and the error holds nothing of it`, async () => {
      const error = await identityToken(token, noCi).catch((caught: unknown) => caught);
      assert.ok(error instanceof KnownError);
      assert.deepEqual([error.code, error.facts], ['IDENTITY_TOKEN', { problem }]);
      const shown = inspect(error, { depth: 9, showHidden: true });
      for (const part of (token ?? '').split(/[.\n]/)) {
        if (part.length > 8) assert.ok(!shown.includes(part), part);
      }
    });
  }

  test('is refused where a CI gives none, whatever it answers', async () => {
    for (const getToken of [
      () => Promise.reject(new Error('secret')),
      async () => JSON.parse('null') as string,
    ]) {
      const error = await identityToken(undefined, { getToken }).catch((caught: unknown) => caught);
      assert.ok(error instanceof KnownError);
      assert.equal(error.code, 'IDENTITY_TOKEN');
      assert.equal(error.cause, undefined);
    }
  });
});
