import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { SealedSite } from '../fixtures/sealed-site.ts';
import { until } from '../fixtures/until.ts';
import { anyPort, Container } from './container.ts';

interface Security {
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly fsGroup?: number;
  readonly readOnlyRootFilesystem?: boolean;
}

interface ContainerSpec {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly restartPolicy?: string;
  readonly securityContext?: Security;
  readonly volumeMounts: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly readOnly?: boolean;
  }[];
}

export interface PodSpec {
  readonly securityContext: Security;
  readonly initContainers?: readonly ContainerSpec[];
  readonly containers: readonly ContainerSpec[];
  readonly volumes: readonly {
    readonly name: string;
    readonly persistentVolumeClaim?: { readonly claimName: string; readonly readOnly?: boolean };
  }[];
}

export interface Image {
  readonly root: string;
  readonly entrypoint: readonly string[];
}

/** Who owns what fetch-models wrote: the fsGroup of its pod. */
export const modelsGroup = 65530;

/** A site's store, list and key as the volumes and the ConfigMap of the recipes have them. */
export class PodVolumes {
  readonly #folder: string;
  readonly #site: SealedSite;

  constructor(site: SealedSite) {
    this.#site = site;
    this.#folder = site.beside('volumes');
  }

  /** With these settings, the text of a file, and what the site has approved by now. */
  fill(config: string): void {
    const site = this.#site;
    for (const name of ['approvals', 'state', 'home', 'tmp', 'program'])
      mkdirSync(join(this.#folder, name), { recursive: true });
    // As the kubelet shows a ConfigMap: each file is a link through `..data`, which it turns when the map changes.
    const approvals = join(this.#folder, 'approvals', '..2026_11_24');
    mkdirSync(approvals);
    symlinkSync('..2026_11_24', join(this.#folder, 'approvals', '..data'));
    writeFileSync(join(approvals, 'config.yaml'), config);
    cpSync(site.list, join(approvals, 'allow-list.json'));
    cpSync(site.approvals, join(approvals, 'allow-list.json.sigstore.jsonl'));
    cpSync(site.key('alice').pub, join(approvals, 'approver.pub'));
    for (const name of readdirSync(approvals))
      symlinkSync(join('..data', name), join(this.#folder, 'approvals', name));
    for (const name of ['home', 'tmp', 'program']) chmodSync(join(this.#folder, name), 0o777);
    giveToGroup(site.store, modelsGroup);
    // What stands above the volumes on this machine is not there in a container.
    chmodSync(site.beside('.'), 0o755);
  }

  /** Gives a volume to a user. */
  own(name: string, user: number): void {
    chownSync(this.source(name), user, user);
    chmodSync(this.source(name), 0o755);
  }

  /** Makes the models' volume a new one: root's, and where it has an fsGroup, as the kubelet gives it to that. */
  empty(group = 0): void {
    const { store } = this.#site;
    for (const name of readdirSync(store)) rmSync(join(store, name), { recursive: true });
    chownSync(store, 0, group);
    chmodSync(store, group === 0 ? 0o755 : 0o2775);
  }

  source(name: string): string {
    return name === 'models' ? this.#site.store : join(this.#folder, name);
  }

  /** What the kubelet does to a volume that the pod may write, by the policy OnRootMismatch of the recipes. */
  prepare(name: string, fsGroup: number): void {
    const path = this.source(name);
    const { gid, mode } = statSync(path);
    const matches = gid === fsGroup && (mode & 0o2770) === 0o2770;
    if (name !== 'approvals' && name !== 'models' && !matches) giveToGroup(path, fsGroup);
  }
}

/** Group, read and write for it, and setgid on directories. */
function giveToGroup(path: string, group: number): void {
  for (const entry of ['.', ...readdirSync(path, { recursive: true, withFileTypes: true })]) {
    const [at, isDirectory] =
      typeof entry === 'string' ? [path, true] : [join(entry.parentPath, entry.name), entry.isDirectory()];
    chownSync(at, 0, group);
    chmodSync(at, isDirectory ? 0o2775 : 0o664);
  }
}

/** Runs the containers of a pod one after the other, as the kubelet does. */
export class Pod {
  readonly started: Container[] = [];
  readonly #spec: PodSpec;
  readonly #images: Readonly<Record<string, Image>>;
  readonly #volumes: PodVolumes;
  readonly #log: string;

  constructor(spec: PodSpec, images: Readonly<Record<string, Image>>, volumes: PodVolumes, site: SealedSite) {
    this.#spec = spec;
    this.#images = images;
    this.#volumes = volumes;
    this.#log = site.beside('termination-log');
    const { fsGroup } = spec.securityContext;
    if (fsGroup !== undefined) for (const { name } of spec.volumes) volumes.prepare(name, fsGroup);
  }

  /** The main container; undefined when an init container failed: then nothing after it was started. */
  async start(): Promise<Container | undefined> {
    for (const spec of this.#spec.initContainers ?? []) {
      const container = this.#run(spec);
      if (spec.restartPolicy === 'Always')
        await until(() => container.stderr.includes('metrics and health on'));
      else if ((await container.ended) !== 0) return undefined;
    }
    const [main] = this.#spec.containers;
    return main === undefined ? undefined : this.#run(main);
  }

  /** What `kubectl describe pod` shows. */
  get terminationMessage(): string {
    return readFileSync(this.#log, 'utf8');
  }

  async stop(): Promise<void> {
    for (const container of this.started) await container.stop();
  }

  #run(spec: ContainerSpec): Container {
    const image = this.#images[spec.image.replace(/^registry\.corp\/|[:@].*$/g, '')];
    if (image === undefined) throw new Error(`no image ${spec.image}`);
    writeFileSync(this.#log, '', { mode: 0o666 });
    chmodSync(this.#log, 0o666);
    const { securityContext: pod, volumes } = this.#spec;
    const own = { ...pod, ...spec.securityContext };
    const mounts = spec.volumeMounts.map(({ name, mountPath, readOnly }) => {
      const claim = volumes.find((volume) => volume.name === name)?.persistentVolumeClaim;
      const isReadOnly = readOnly === true || claim?.readOnly === true;
      return { path: mountPath, source: this.#volumes.source(name), readOnly: isReadOnly };
    });
    const variables = (spec.env ?? []).map(({ name, value }) => [name, anyPort(value)] as const);
    const container = new Container({
      root: image.root,
      words: [...(spec.command ?? image.entrypoint), ...(spec.args ?? []).map(anyPort)],
      environment: Object.fromEntries(variables),
      user: own.runAsUser ?? 0,
      group: own.runAsGroup ?? 0,
      groups: pod.fsGroup === undefined ? [] : [pod.fsGroup],
      mounts: [...mounts, { path: '/dev/termination-log', source: this.#log, readOnly: false }],
      readOnlyRoot: own.readOnlyRootFilesystem === true,
      network: true,
    });
    this.started.push(container);
    return container;
  }
}
