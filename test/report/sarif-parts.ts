/**
 * The parts of SARIF 2.1.0 (OASIS standard with errata 01) that a report uses, as a schema: required properties and
 * types are those of the standard, in the sections that the comments name. It is closed, so that a property which the
 * standard does not know, or which nobody compared with it, is refused.
 */
const text = { type: 'string', minLength: 1 };
const bag = { type: 'object' };
const utc = { type: 'string', pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d+)?Z$' };
/** RFC 3986: only characters that may stand in a URI, and percent signs only before two digits. */
const uri = { type: 'string', pattern: "^(?:[A-Za-z0-9._~:/?#@!$&'()*+,;=\\[\\]-]|%[0-9A-F]{2})+$" };

const object = (required: readonly string[], properties: object) => ({
  type: 'object',
  additionalProperties: false,
  required,
  properties,
});

// 3.12
const multiformat = object(['text'], { text });

// 3.49
const reportingDescriptor = object(['id'], {
  id: text,
  shortDescription: multiformat,
  fullDescription: multiformat,
  help: multiformat,
  // 3.50
  defaultConfiguration: object([], { level: { enum: ['none', 'note', 'warning', 'error'] } }),
});

// 3.28
const location = object([], {
  // 3.29: one of artifactLocation and address
  physicalLocation: object(['artifactLocation'], {
    // 3.4
    artifactLocation: object(['uri', 'uriBaseId'], { uri, uriBaseId: { const: 'STORE' } }),
  }),
  logicalLocations: {
    type: 'array',
    minItems: 1,
    uniqueItems: true,
    // 3.33
    items: object([], { fullyQualifiedName: text, kind: { const: 'resource' } }),
  },
});

// 3.27
const result = object(['message'], {
  ruleId: text,
  ruleIndex: { type: 'integer', minimum: 0 },
  level: { enum: ['none', 'note', 'warning', 'error'] },
  // 3.11
  message: object(['text'], { text }),
  locations: { type: 'array', items: location },
  partialFingerprints: { type: 'object', additionalProperties: { type: 'string' } },
  properties: bag,
});

// 3.14
const run = object(['tool', 'results'], {
  // 3.18
  tool: object(['driver'], {
    // 3.19
    driver: object(['name'], {
      name: text,
      version: text,
      semanticVersion: text,
      rules: { type: 'array', uniqueItems: true, items: reportingDescriptor },
    }),
  }),
  invocations: {
    type: 'array',
    // 3.20
    items: object(['executionSuccessful'], {
      executionSuccessful: { type: 'boolean' },
      exitCode: { type: 'integer' },
      startTimeUtc: utc,
      endTimeUtc: utc,
    }),
  },
  originalUriBaseIds: object(['STORE'], { STORE: object(['uri'], { uri }) }),
  properties: bag,
  results: { type: 'array', items: result },
});

// 3.13
export const sarifLog = object(['version', 'runs'], {
  $schema: uri,
  version: { const: '2.1.0' },
  runs: { type: 'array', minItems: 1, items: run },
});
