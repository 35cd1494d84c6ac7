import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Finding, unprintable } from '../../src/findings/index.ts';
import { type CheckReport, renderText } from '../../src/report/index.ts';
import { findings, hostileReport, mixedReport, soundReport, textOf } from './sample-report.ts';

const plain = { color: false, quiet: false } as const;
const quiet = { color: false, quiet: true } as const;

const text = (report: CheckReport, options = plain as { color: boolean; quiet: boolean }): string =>
  textOf(renderText(report, options));

/** What a report says after `next: `. */
const nextOf = (report: CheckReport): string => /^next: (.*)\n$/m.exec(text(report))?.[1] ?? '';

describe('the report for people', () => {
  test('of a sound store', () => {
    assert.equal(
      text(soundReport),
      [
        'llama3.2:1b  ok         2.0 GB',
        '',
        'store /srv/ollama/models',
        '1 model: 1 ok',
        '2 blobs, 2.0 GB; 2.0 GB hashed in 1.5 s',
        'trust was not checked: without an allow-list this proves integrity, not who approved it',
        'exit status 0 = all is well',
        'next: verify-models --report sarif=verify-models.sarif   (the same check, with a file for your CI)',
        '',
      ].join('\n'),
    );
  });

  test('of a store with something of everything', () => {
    const b = 'b'.repeat(64);
    assert.equal(
      text(mixedReport),
      [
        'ok:latest         ok         0 B',
        'sample:latest     altered    1.0 kB',
        'untrusted:latest  untrusted  2.0 kB',
        'missing:latest    missing    3.0 kB',
        'unchecked:latest  unchecked  4.0 kB',
        '',
        'error blob-altered: the system of sample:latest is altered',
        `  file      blobs/sha256-${b}`,
        `  expected  sha256:${b}`,
        `  found     sha256:${'d'.repeat(64)}`,
        '  next      rm /srv/ollama/models/blobs/x && ollama pull sample:latest',
        'error blob-link-outside: blobs/y is a link to /elsewhere',
        '  file      blobs/y',
        'warning blob-hard-link: blobs/z has 2 names',
        '  file      blobs/z',
        '  found     2 names',
        'info blob-orphan: no manifest names blobs/o',
        '41 more of blob-orphan; --format json lists up to 1000',
        '',
        'store /srv/ollama/models',
        '5 models: 1 ok, 1 altered, 1 untrusted, 1 missing, 1 unchecked',
        '3 blobs, 1.0 kB, 3 named by no manifest, 2 unfinished downloads beside them; 700 B hashed in 1.5 s',
        'partial: not every blob was hashed in this run',
        'trust: allow-list prod version 7, approved by alice, bob, until 2027-01-31',
        'exit status 15 = 1 altered + 2 not trusted + 4 could not be checked + 8 missing',
        'next: rm /srv/ollama/models/blobs/x && ollama pull sample:latest',
        '',
      ].join('\n'),
    );
  });

  test('is quiet when asked to be: only what fails, and the exit status', () => {
    assert.equal(text(soundReport, quiet), 'exit status 0 = all is well\n');
    const lines = text({ ...mixedReport, findings: findings.slice(1) }, quiet).split('\n');
    assert.deepEqual(lines, [
      'error blob-link-outside: blobs/y is a link to /elsewhere',
      '  file      blobs/y',
      '',
      'exit status 15 = 1 altered + 2 not trusted + 4 could not be checked + 8 missing',
      '',
    ]);
  });

  test('has colours only where they are wanted, and the same words', () => {
    const coloured = text(mixedReport, { color: true, quiet: false });
    assert.ok(coloured.includes('\u001b[32mok       \u001b[0m'));
    assert.ok(coloured.includes('\u001b[31merror\u001b[0m blob-altered'));
    assert.ok(coloured.includes('\u001b[33mwarning\u001b[0m'));
    assert.ok(coloured.includes('\u001b[2minfo\u001b[0m'));
    const codes = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, 'g');
    assert.equal(coloured.replace(codes, ''), text(mixedReport));
  });

  test('of an empty store says what to do', () => {
    const summary = { ...soundReport.summary, models: 0, blobs: 0, bytes: 0, hashedBytes: 0, ok: 0 };
    const lines = text({ ...soundReport, summary, models: [], blobs: [] }).split('\n');
    assert.equal(lines[0], 'store /srv/ollama/models');
    assert.equal(lines[1], '0 models');
    assert.equal(lines.at(-2), 'next: ollama pull llama3.2');
  });

  test('says when a list was given and not accepted', () => {
    const report = { ...soundReport, trustChecked: true };
    assert.ok(text(report).includes('\ntrust: the allow-list was not accepted, so nothing is trusted\n'));
  });
});

describe('the command to type next', () => {
  test('is the first one that a failing finding has', () => {
    const [altered, link] = findings as readonly [Finding, Finding];
    assert.equal(nextOf({ ...soundReport, exitCode: 5, findings: [link, altered] }), altered.hint);
  });

  test('is the check itself where no finding has one, and after a partial run', () => {
    const link = findings[1] as Finding;
    const again = `verify-models --store ${soundReport.store}`;
    assert.equal(nextOf({ ...soundReport, exitCode: 4, findings: [link] }), again);
    assert.equal(nextOf({ ...soundReport, partial: true }), again);
    assert.equal(nextOf({ ...soundReport, exitCode: 130, partial: true }), again);
  });

  test('is not that of a finding which does not fail', () => {
    const note: Finding = { rule: 'blob-orphan', severity: 'info', bit: 0, message: 'x', hint: 'rm x' };
    assert.match(nextOf({ ...soundReport, findings: [note] }), /^verify-models --report/);
  });
});

describe('the report for people of very many findings', () => {
  const many = (count: number): Finding[] =>
    Array.from({ length: count }, (_, at) => ({
      ...{ rule: 'blob-missing', severity: 'error', bit: 8 },
      message: `blob ${at}`,
    }));

  test('shows twenty of a rule and counts the rest', () => {
    const lines = text({ ...soundReport, findings: many(20) }, quiet).split('\n');
    assert.equal(lines.filter((line) => line.startsWith('error')).length, 20);
    assert.equal(lines.filter((line) => line.includes('more of')).length, 0);
    const more = text({ ...soundReport, findings: many(25) }, quiet);
    assert.ok(
      more.includes('blob 19\n5 more of blob-missing; --format json lists up to 1000\n\nexit status'),
    );
  });

  test('counts what is not listed anywhere', () => {
    const report = {
      ...soundReport,
      findings: many(1000),
      unlisted: [{ rule: 'blob-missing', more: 7 }] as const,
    };
    assert.ok(text(report).includes('\n987 more of blob-missing; '));
  });

  test('counts what is not listed where few or none of its rule are shown', () => {
    const unlisted = [
      { rule: 'blob-missing', more: 7 },
      { rule: 'blob-orphan', more: 9 },
    ] as const;
    const lines = text({ ...soundReport, findings: many(2), unlisted }).split('\n');
    assert.deepEqual(
      lines.filter((line) => line.includes('more of')),
      [
        '7 more of blob-missing; --format json lists up to 1000',
        '9 more of blob-orphan; --format json lists up to 1000',
      ],
    );
  });
});

describe('the report for people of a hostile store', () => {
  test('holds nothing that a terminal obeys or hides', () => {
    for (const options of [plain, quiet]) {
      const lines = text(hostileReport, options).split('\n');
      for (const line of lines) assert.equal(unprintable.exec(line), null, JSON.stringify(line));
    }
    const codes = new RegExp(`${String.fromCharCode(27)}\\[(?:0|2|31|32|33)m`, 'g');
    const coloured = text(hostileReport, { color: true, quiet: false }).replace(codes, '');
    for (const line of coloured.split('\n')) assert.equal(unprintable.exec(line), null, JSON.stringify(line));
  });

  test('has as many lines as that of a harmless one', () => {
    const harmless: CheckReport = {
      ...hostileReport,
      findings: hostileReport.findings.map((finding) => ({ ...finding, message: 'x' })),
    };
    assert.equal(text(hostileReport).split('\n').length, text(harmless).split('\n').length);
    assert.equal(
      text(hostileReport)
        .split('\n')
        .filter((line) => line.startsWith('exit status')).length,
      1,
    );
  });

  test('cuts a model name of a million characters', () => {
    const model = {
      ...(soundReport.models[0] as CheckReport['models'][number]),
      shortName: 'm'.repeat(1_000_000),
    };
    const [line = ''] = text({ ...soundReport, models: [model] }).split('\n');
    assert.equal(line, `${'m'.repeat(60)} ...(999940 more characters)  ok         2.0 GB`);
  });
});
