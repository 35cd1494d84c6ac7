import { type Finding, ruleIds, rules, type Severity } from '../findings/index.ts';
import type { CheckReport } from './check-report.ts';
import { printable, safeJson } from './printable.ts';

const level: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', info: 'note' };

/** Each path part percent-encoded (RFC 3986), so that no name can break out of the URI. */
const uriOf = (path: string): string => path.toWellFormed().split('/').map(encodeURIComponent).join('/');

/** SARIF 2.1.0 (OASIS standard, sections 3.13, 3.19, 3.27): one run, one result a finding. */
export function* renderSarif(report: CheckReport): Generator<string> {
  const ended = new Date(report.startedAt.getTime() + report.durationMs);
  const head = {
    tool: {
      driver: {
        name: report.tool.name,
        version: report.tool.version,
        semanticVersion: report.tool.version,
        rules: ruleIds.map(ruleDescriptor),
      },
    },
    invocations: [
      {
        executionSuccessful: report.exitCode < 64,
        exitCode: report.exitCode,
        startTimeUtc: report.startedAt.toISOString(),
        endTimeUtc: ended.toISOString(),
      },
    ],
    originalUriBaseIds: { STORE: { uri: `file://${uriOf(report.store)}/` } },
    properties: { partial: report.partial, summary: report.summary, unlisted: report.unlisted },
  };
  yield '{"version":"2.1.0","$schema":"https://json.schemastore.org/sarif-2.1.0.json","runs":[';
  yield `${safeJson(head).slice(0, -1)},"results":[`;
  let first = true;
  for (const finding of report.findings) {
    yield `${first ? '' : ','}\n${safeJson(result(finding))}`;
    first = false;
  }
  yield ']}]}\n';
}

function ruleDescriptor(id: (typeof ruleIds)[number]) {
  const { severity, means, matters, todo } = rules[id];
  return {
    id,
    shortDescription: { text: means },
    fullDescription: { text: `${means} ${matters}` },
    help: { text: todo },
    defaultConfiguration: { level: level[severity] },
  };
}

/**
 * Plain text of a message (sections 3.11.5 and 3.11.6): braces are doubled, or they would be placeholders, and a name
 * from a store makes no link. A command that would make one is left out: it must not be changed.
 */
function messageText({ message, hint }: Finding): string {
  const next = hint === undefined || hint.includes('](') ? '' : `. Next: ${printable(hint)}`;
  return `${printable(message).replaceAll('](', '] (')}${next}`.replace(/[{}]/g, '$&$&');
}

function result(finding: Finding) {
  const { rule, severity, path, model, layer, digest, expected, actual, bit } = finding;
  const physical =
    path === undefined
      ? {}
      : { physicalLocation: { artifactLocation: { uri: uriOf(path), uriBaseId: 'STORE' } } };
  const logical =
    model === undefined ? {} : { logicalLocations: [{ fullyQualifiedName: model, kind: 'resource' }] };
  const located = path !== undefined || model !== undefined;
  return {
    ruleId: rule,
    ruleIndex: ruleIds.indexOf(rule),
    level: level[severity],
    message: { text: messageText(finding) },
    ...(located ? { locations: [{ ...physical, ...logical }] } : {}),
    partialFingerprints: { 'findingIdentity/v1': [rule, path ?? '', model ?? ''].join('|') },
    properties: { bit, layer, digest, expected, actual },
  };
}
