import { type Answer, dump } from './http-client.ts';

/** The body, or undefined when it is larger than the limit (bytes): what is too much is not read. */
export async function readBody(answer: Answer, limit: number): Promise<Buffer | undefined> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of answer.body as AsyncIterable<Uint8Array>) {
    size += part.length;
    if (size > limit) {
      dump(answer);
      return undefined;
    }
    parts.push(part);
  }
  return Buffer.concat(parts);
}
