import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { findCosign } from './cosign.ts';

describe('where there is no cosign', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vm-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  test('its tests are skipped, and say what they need and what stays without proof', () => {
    const { program, skip } = findCosign('that it works', { COSIGN_BIN: join(folder, 'none') });
    assert.equal(program, undefined);
    assert.match(String(skip), /^needs cosign 3 \(.*\); not shown on this machine: that it works$/);
  });

  test('an older one is none: it knows neither bundles nor signing configurations', () => {
    const old = join(folder, 'cosign');
    writeFileSync(old, '#!/bin/sh\necho "GitVersion:    v2.6.1"\n');
    chmodSync(old, 0o755);
    const { program, skip } = findCosign('that it works', { COSIGN_BIN: old });
    assert.equal(program, undefined);
    assert.equal(skip, `needs cosign 3, and ${old} is v2.6.1; not shown on this machine: that it works`);
  });
});
