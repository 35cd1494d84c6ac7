import type { LookupFunction } from 'node:net';
import { isIP } from 'node:net';
import { KnownError } from '../errors/index.ts';
import { isPublicAddress } from './public-address.ts';
import type { UpstreamSettings } from './settings.ts';

/** The name or address of a URL, without the brackets of IPv6. */
const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, '');

const below = (host: string, domain: string): boolean => host === domain || host.endsWith(`.${domain}`);

/** Which hosts a request may reach: the upstream that was named, and over https the public hosts it may redirect to. */
export class Reach {
  readonly #url: URL;
  readonly #redirectHosts: readonly string[];
  readonly #resolve: UpstreamSettings['resolve'];

  constructor({ url, redirectHosts, resolve }: Pick<UpstreamSettings, 'url' | 'redirectHosts' | 'resolve'>) {
    this.#url = url;
    this.#redirectHosts = redirectHosts;
    this.#resolve = resolve;
  }

  /** The upstream's own host and port, which somebody named: it may be anywhere, also on this machine. */
  isUpstream(url: URL): boolean {
    return url.host === this.#url.host && url.protocol === this.#url.protocol;
  }

  /**
   * Refuses a URL before anything is sent.
   *
   * @throws KnownError UPSTREAM_REDIRECT
   */
  check(url: URL): void {
    if (this.isUpstream(url)) return;
    const refuse = (problem: string) =>
      new KnownError('UPSTREAM_REDIRECT', {
        upstream: this.#url.host,
        target: url.origin.slice(0, 120),
        problem,
      });
    const host = hostOf(url);
    // An upstream on this machine is somebody's own, a test's or a cache's: it may point to its neighbour.
    if (isLoopback(hostOf(this.#url)) && isLoopback(host) && /^https?:$/.test(url.protocol)) return;
    if (url.protocol !== 'https:') throw refuse('it is not https');
    if (url.username !== '' || url.password !== '') throw refuse('it holds credentials');
    if (isIP(host) !== 0 && !isPublicAddress(host)) throw refuse('it is no address of the public network');
    const allowed = [hostOf(this.#url), ...this.#redirectHosts];
    if (!allowed.some((domain) => below(host, domain)))
      throw refuse('no such host is allowed; --redirect-hosts names more');
  }

  /** Resolves a name once, for the connection that is made with the answer: it cannot flip between look and use. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    this.#addresses(hostname).then(
      (addresses) => {
        const found = addresses.map((address) => ({ address, family: isIP(address) }));
        const [first] = found;
        if (options.all === true) callback(null, found);
        else callback(null, first?.address ?? '', first?.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, ''),
    );
  };

  async #addresses(host: string): Promise<readonly string[]> {
    const addresses = await this.#resolve(host);
    const own = host === hostOf(this.#url);
    const usable = own ? addresses : addresses.filter(isPublicAddress);
    if (usable.length > 0) return usable;
    const problem =
      addresses.length === 0
        ? 'its name has no address'
        : 'its name leads to no address of the public network';
    throw new KnownError('UPSTREAM_REDIRECT', {
      upstream: this.#url.host,
      target: host.slice(0, 120),
      problem,
    });
  }
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
