/** Asks for one manifest over 16 connections for so long, and prints how many answers came a second. */
import { Agent, request } from 'node:http';

const [port = '', path = '', seconds = '1'] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: 16 });
const headers = { 'user-agent': 'bench', accept: 'application/vnd.docker.distribution.manifest.v2+json' };

const once = (): Promise<void> =>
  new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, agent, headers }, (answer) => {
      if (answer.statusCode !== 200) reject(new Error(`${answer.statusCode}`));
      answer.resume().once('end', resolve);
    })
      .on('error', reject)
      .end();
  });

const began = performance.now();
const end = began + Number(seconds) * 1000;
let count = 0;
await Promise.all(
  Array.from({ length: 16 }, async () => {
    while (performance.now() < end) {
      await once();
      count += 1;
    }
  }),
);
process.stdout.write(`${(count * 1000) / (performance.now() - began)}\n`);
agent.destroy();
