import { isIPv6, type Socket } from 'node:net';
import { addressOf } from './address.ts';

export interface ShareLimits {
  /** Places that are taken at once, by everybody. */
  readonly all: number;
  /** Places of one client address. */
  readonly each: number;
}

/** A machine has as many IPv6 addresses as it likes, all of one /64: together they have so many shares. */
const sharesOfNetwork = 4;

/**
 * Places of which each client address has a share, so that one client cannot take them all. The addresses of one IPv6
 * network (a /64) have four shares together, however many they are.
 */
export class Shares {
  readonly #limits: ShareLimits;
  /** By address, and by network; nothing is kept of one that has no place. */
  readonly #taken = new Map<string, number>();
  #all = 0;

  constructor(limits: ShareLimits) {
    this.#limits = limits;
  }

  /** Places that are taken. */
  get taken(): number {
    return this.#all;
  }

  /** @returns what gives the place back; undefined where all are taken, or all of this address */
  take(address: string): (() => void) | undefined {
    const { all, each } = this.#limits;
    const network = networkOf(address);
    const has = (key: string | undefined) => (key === undefined ? 0 : (this.#taken.get(key) ?? 0));
    if (this.#all >= all || has(address) >= each || has(network) >= each * sharesOfNetwork) return undefined;
    const keys = network === undefined ? [address] : [address, network];
    this.#all += 1;
    for (const key of keys) this.#taken.set(key, has(key) + 1);
    let given = false;
    return () => {
      if (given) return;
      given = true;
      this.#all -= 1;
      for (const key of keys) this.#less(key);
    };
  }

  #less(key: string): void {
    const left = (this.#taken.get(key) ?? 1) - 1;
    if (left === 0) this.#taken.delete(key);
    else this.#taken.set(key, left);
  }
}

/** Whose share a peer takes from where addresses cost nothing: its IPv6 network, or its address. */
export function shareOf(socket: Pick<Socket, 'remoteAddress'>): string {
  const address = addressOf(socket);
  return networkOf(address) ?? address;
}

/** The /64 of an IPv6 address, as `2001:db8:0:1::/64`; undefined for every other text. */
export function networkOf(address: string): string | undefined {
  if (!isIPv6(address)) return undefined;
  const [before = '', after] = address.replace(/%.*$/, '').split('::');
  const left = before === '' ? [] : before.split(':');
  const right = after === undefined || after === '' ? [] : after.split(':');
  // An IPv4 address at the end stands for two groups.
  const length = left.length + right.length + (address.includes('.') ? 1 : 0);
  const groups = [...left, ...Array.from({ length: 8 - length }, () => '0'), ...right].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}
