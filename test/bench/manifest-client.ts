/**
 * Asks for one manifest over 16 connections for so long, and prints how many answers came a second. Speaks HTTP by
 * hand: a client of a library would be slower than the servers that are measured.
 */
import { connect } from 'node:net';

const [port = '', path = '', seconds = '1'] = process.argv.slice(2);
const accept = 'application/vnd.docker.distribution.manifest.v2+json';
const question = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\nAccept: ${accept}\r\n\r\n`;

/** Bytes of one answer: every answer is as long as the first. */
function lengthOf(answer: Buffer): number | undefined {
  const head = answer.indexOf('\r\n\r\n');
  if (head === -1) return undefined;
  const text = answer.subarray(0, head).toString('latin1');
  if (!text.startsWith('HTTP/1.1 200')) throw new Error(text);
  return head + 4 + Number(/content-length: *(\d+)/i.exec(text)?.[1]);
}

const began = performance.now();
const end = began + Number(seconds) * 1000;
let count = 0;
await Promise.all(
  Array.from(
    { length: 16 },
    () =>
      new Promise<void>((resolve, reject) => {
        const socket = connect(Number(port), '127.0.0.1', () => socket.write(question));
        let length: number | undefined;
        let first = Buffer.alloc(0);
        let got = 0;
        socket.on('error', reject).on('close', () => resolve());
        socket.on('data', (part) => {
          got += part.length;
          if (length === undefined) {
            first = Buffer.concat([first, part]);
            length = lengthOf(first);
          }
          if (length === undefined || got < length) return;
          got = 0;
          count += 1;
          if (performance.now() < end) socket.write(question);
          else socket.destroy();
        });
      }),
  ),
);
process.stdout.write(`${(count * 1000) / (performance.now() - began)}\n`);
