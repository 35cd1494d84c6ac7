import { KnownError } from '../errors/index.ts';
import { illegalPart, type ModelName } from '../oci/index.ts';

/** An upstream, and the host that stands for it in full names. */
export interface Route<Upstream> {
  /** `registry.ollama.ai`, `hf.co`; the host and port of any other upstream. */
  readonly host: string;
  readonly upstream: Upstream;
}

/** Which upstream a request is about: the `Host` header chooses, since a name has no room for a second host. */
export class Routes<Upstream> {
  readonly #usual: Route<Upstream>;
  readonly #byHost: ReadonlyMap<string, Route<Upstream>>;

  /** @param byHost the mirror's own hosts, with their ports where they are not usual, in lower case */
  constructor(usual: Route<Upstream>, byHost: ReadonlyMap<string, Route<Upstream>> = new Map()) {
    this.#usual = usual;
    this.#byHost = byHost;
  }

  get all(): readonly Route<Upstream>[] {
    return [this.#usual, ...this.#byHost.values()];
  }

  of(host: string): Route<Upstream> {
    const lower = host.toLowerCase();
    return this.#byHost.get(lower) ?? this.#byHost.get(lower.replace(/:[0-9]+$/, '')) ?? this.#usual;
  }

  /** The route for models of an upstream's own host, as an allow-list names them. */
  forName({ host }: ModelName): Route<Upstream> | undefined {
    return this.all.find((route) => route.host === host.toLowerCase());
  }
}

/**
 * The full name of what is asked for by repository and tag.
 *
 * @throws KnownError MODEL_MALFORMED
 */
export function nameOf(host: string, repository: string, tag: string): ModelName {
  const [namespace = '', model = '', ...more] = repository.split('/');
  const name = { host, namespace, model, tag };
  const part = more.length > 0 ? 'namespace' : illegalPart(name);
  if (part === undefined) return name;
  throw new KnownError('MODEL_MALFORMED', {
    name: `${repository}:${tag}`.slice(0, 120),
    problem: `its ${part} is empty, too long or has a character that is not allowed`,
  });
}
