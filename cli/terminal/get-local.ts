/** Bytes of an answer. */
const sizeLimit = 1_000_000;
const patienceMs = 5000;

/**
 * One answer of a server on this machine, without a proxy and without redirects. The client is loaded here: a check that
 * asks nobody starts without it.
 *
 * @throws system errors, an Error for what is too long
 */
export async function getLocal(url: URL): Promise<{ readonly status: number; readonly text: string }> {
  const { get } = await import('node:http');
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, signal: AbortSignal.timeout(patienceMs) }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
        if (text.length > sizeLimit) request.destroy(new Error('it answered with more than a megabyte'));
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      response.on('error', reject);
    });
    request.on('error', reject);
  });
}
