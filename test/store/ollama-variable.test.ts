import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asOllamaReads } from '../../src/store/index.ts';

test('a variable is what Ollama reads: blanks of Go and then quotes go from around it, and nothing else', () => {
  for (const [value, read] of [
    ['/models', '/models'],
    ['', ''],
    ['  /models\t\n', '/models'],
    ['"/models"', '/models'],
    [`'"/models'"'`, '/models'],
    // Blanks inside quotes stay, and quotes inside blanks do not.
    ['" /models "', ' /models '],
    [' "/models" ', '/models'],
    ['/my models', '/my models'],
    ['/models/"x"/y', '/models/"x"/y'],
    // U+0085 is white space for Go and not for JavaScript, U+FEFF the other way round.
    ['/models\u0085', '/models'],
    ['/models\u3000\u00a0\u2009', '/models'],
    ['/models\ufeff', '/models\ufeff'],
    ['\ufeff/models', '\ufeff/models'],
    ['/models\u200b', '/models\u200b'],
  ] as const)
    assert.equal(asOllamaReads(value), read, JSON.stringify(value));
});
