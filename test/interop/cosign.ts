import { execFile, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

export type FoundCosign =
  | { readonly program: string; readonly skip: false }
  | { readonly program: undefined; readonly skip: string };

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Where `go install` puts programs. */
function goFolders({ GOBIN, GOPATH }: NodeJS.ProcessEnv): string[] {
  const asked = spawnSync('go', ['env', 'GOBIN', 'GOPATH'], { encoding: 'utf8' });
  const [bin = '', path = ''] = asked.status === 0 ? asked.stdout.split('\n') : [GOBIN, GOPATH];
  const folders = path.split(delimiter).map((folder) => folder && join(folder, 'bin'));
  return [bin, ...folders, join(homedir(), 'go', 'bin')].filter((folder) => folder !== '');
}

/** `COSIGN_BIN`, else on PATH, else where Go installs. `unshown` says what remains without proof where there is none. */
export function findCosign(unshown: string, environment: NodeJS.ProcessEnv = process.env): FoundCosign {
  const { COSIGN_BIN, PATH = '' } = environment;
  const folders = [...PATH.split(delimiter).filter((folder) => folder !== ''), ...goFolders(environment)];
  const candidates = COSIGN_BIN ? [COSIGN_BIN] : folders.map((folder) => join(folder, 'cosign'));
  const program = candidates.find(executable);
  const missing = `not shown on this machine: ${unshown}`;
  if (program === undefined) {
    return {
      program,
      skip: `needs cosign 3 (COSIGN_BIN, on PATH, or go install github.com/sigstore/cosign/v3/cmd/cosign@v3.1.3); ${missing}`,
    };
  }
  const version = /GitVersion:\s*(\S+)/.exec(
    spawnSync(program, ['version'], { encoding: 'utf8' }).stdout,
  )?.[1];
  return version === undefined || /^v[012]\./.test(version)
    ? {
        program: undefined,
        skip: `needs cosign 3, and ${program} is ${version ?? 'of no version'}; ${missing}`,
      }
    : { program, skip: false };
}

export interface CosignRun {
  /** It ended with 0. */
  readonly ok: boolean;
  /** stdout and stderr. */
  readonly said: string;
}

/** The real cosign, without a network and with a home of its own. */
export class Cosign {
  readonly folder: string;
  readonly #program: string;

  constructor(program: string, folder: string) {
    this.#program = program;
    this.folder = folder;
    mkdirSync(join(folder, 'home'), { recursive: true });
  }

  /** Writes a file for cosign to read. */
  file(name: string, content: string | Uint8Array): string {
    const path = join(this.folder, name);
    writeFileSync(path, content);
    return path;
  }

  run(words: readonly string[], passphrase = ''): Promise<CosignRun> {
    // Port 1 answers nobody: whatever wants to leave this machine fails.
    const nowhere = 'http://127.0.0.1:1';
    const env = {
      ...{ PATH: process.env.PATH ?? '', HOME: join(this.folder, 'home'), COSIGN_PASSWORD: passphrase },
      ...{ HTTP_PROXY: nowhere, HTTPS_PROXY: nowhere, ALL_PROXY: nowhere },
    };
    return new Promise((resolve) => {
      execFile(this.#program, words, { env, cwd: this.folder }, (error, stdout, stderr) => {
        resolve({ ok: error === null, said: `${stdout}${stderr}` });
      });
    });
  }

  /** `verify-blob-attestation` of one line of an approvals file with a key. */
  verify(
    line: string,
    { pub, type, file }: { readonly pub: string; readonly type: string; readonly file: string },
  ): Promise<CosignRun> {
    const bundle = this.file('approval.json', line);
    const key = this.file('approver.pub', pub);
    return this.run([
      ...['verify-blob-attestation', '--key', key, '--bundle', bundle, '--type', type],
      ...['--insecure-ignore-tlog', file],
    ]);
  }

  /** `attest-blob --statement` with a key: the bundle, as one line. */
  async attest(statement: Uint8Array, key: string, passphrase: string): Promise<string> {
    const config = join(this.folder, 'no-services.json');
    if (!existsSync(config)) await this.#configure(config, ['--no-default-fulcio', '--no-default-rekor']);
    return this.#attest(statement, config, ['--key', this.file('approver.key', key)], passphrase);
  }

  /** The same without a key, at the Sigstore of one address. */
  async attestKeyless(
    statement: Uint8Array,
    {
      url,
      token,
      trustedRoot,
    }: { readonly url: string; readonly token: string; readonly trustedRoot: Uint8Array },
  ): Promise<string> {
    const config = join(this.folder, 'services.json');
    const service = `url=${url},api-version=1,start-time=2024-01-01T00:00:00Z,operator=example`;
    await this.#configure(config, ['--fulcio', service, '--rekor', service, '--rekor-config', 'ANY']);
    const root = this.file('trusted_root.json', trustedRoot);
    return this.#attest(statement, config, ['--identity-token', token, '--trusted-root', root]);
  }

  async #configure(path: string, services: readonly string[]): Promise<void> {
    const none = ['--no-default-oidc', '--no-default-tsa'];
    const { ok, said } = await this.run(['signing-config', 'create', ...services, ...none, '--out', path]);
    if (!ok) throw new Error(said);
  }

  async #attest(
    statement: Uint8Array,
    config: string,
    signer: readonly string[],
    passphrase = '',
  ): Promise<string> {
    const bundle = join(this.folder, 'attested.json');
    const { ok, said } = await this.run(
      [
        ...['attest-blob', ...signer, '--statement', this.file('statement.json', statement)],
        ...['--signing-config', config, '--bundle', bundle, '--yes'],
      ],
      passphrase,
    );
    if (!ok) throw new Error(said);
    return readFileSync(bundle, 'utf8').trim();
  }
}
