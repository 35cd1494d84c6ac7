import { createHash, type KeyPairKeyObjectResult, sign, X509Certificate } from 'node:crypto';
import { auditPath, leafHash, treeHash } from './merkle-tree.ts';

const sha256 = (bytes: Uint8Array | string): Buffer => createHash('sha256').update(bytes).digest();

/** A tree that is there already, so that proofs have a path. */
const earlierEntries = 5;

/** Names the tree in the checkpoint's first line: without it, readers take the log for one of version 2. */
const treeId = '1193050959916656506';

/** A proposed entry of kind dsse 0.0.1, as far as this log reads it. */
interface ProposedEntry {
  readonly kind: string;
  readonly apiVersion: string;
  readonly spec: { readonly proposedContent: { readonly envelope: string; readonly verifiers: [string] } };
}

interface Envelope {
  readonly payload: string;
  readonly signatures: readonly [{ readonly sig: string }];
}

/**
 * A transparency log as Rekor 1 is one: entries of kind dsse, a real Merkle tree, a signed checkpoint and a signed
 * time of entry.
 */
export class MiniRekor {
  readonly host: string;
  /** SPKI DER. */
  readonly publicKey: Buffer;
  readonly logId: Buffer;
  readonly #keys: KeyPairKeyObjectResult;
  readonly #leaves: Buffer[];

  constructor(host: string, keys: KeyPairKeyObjectResult) {
    this.host = host;
    this.#keys = keys;
    this.publicKey = keys.publicKey.export({ type: 'spki', format: 'der' });
    this.logId = sha256(this.publicKey);
    this.#leaves = Array.from({ length: earlierEntries }, (_, at) => Buffer.from(`entry ${at}`));
  }

  /** The answer to `POST /api/v1/log/entries`. */
  record(request: string, now: Date): { readonly uuid: string; readonly response: string } {
    const body = Buffer.from(canonicalEntry(JSON.parse(request) as ProposedEntry));
    const logIndex = this.#leaves.push(body) - 1;
    const integratedTime = Math.floor(now.getTime() / 1000);
    const logID = this.logId.toString('hex');
    const root = treeHash(this.#leaves);
    // Keys in their order: this is the canonical JSON (RFC 8785) that is signed.
    const promised = JSON.stringify({ body: body.toString('base64'), integratedTime, logID, logIndex });
    const entry = {
      ...{ body: body.toString('base64'), integratedTime, logID, logIndex },
      verification: {
        inclusionProof: {
          checkpoint: this.#checkpoint(root),
          hashes: auditPath(this.#leaves, logIndex).map((hash) => hash.toString('hex')),
          logIndex,
          rootHash: root.toString('hex'),
          treeSize: this.#leaves.length,
        },
        signedEntryTimestamp: this.#sign(promised).toString('base64'),
      },
    };
    const uuid = leafHash(body).toString('hex');
    return { uuid, response: JSON.stringify({ [uuid]: entry }) };
  }

  #sign(text: string): Buffer {
    return sign('sha256', Buffer.from(text), this.#keys.privateKey);
  }

  /** A signed note (C2SP tlog-checkpoint): origin, size, root; then who signed. */
  #checkpoint(root: Buffer): string {
    const note = `${this.host} - ${treeId}\n${this.#leaves.length}\n${root.toString('base64')}\n`;
    const signature = Buffer.concat([this.logId.subarray(0, 4), this.#sign(note)]).toString('base64');
    return `${note}\n\u2014 ${this.host} ${signature}\n`;
  }
}

/** What Rekor keeps of a DSSE envelope, as canonical JSON. */
function canonicalEntry({ kind, apiVersion, spec }: ProposedEntry): string {
  if (kind !== 'dsse' || apiVersion !== '0.0.1') throw new Error(`not kept here: ${kind} ${apiVersion}`);
  const { envelope, verifiers } = spec.proposedContent;
  const { payload, signatures } = JSON.parse(envelope) as Envelope;
  const hashOf = (bytes: Uint8Array | string) => ({
    algorithm: 'sha256',
    value: sha256(bytes).toString('hex'),
  });
  // Readers compare the certificate as text: lines of 64 characters.
  const pem = new X509Certificate(Buffer.from(verifiers[0], 'base64')).toString();
  return JSON.stringify({
    apiVersion,
    kind,
    spec: {
      envelopeHash: hashOf(envelope),
      payloadHash: hashOf(Buffer.from(payload, 'base64')),
      signatures: [{ signature: signatures[0].sig, verifier: Buffer.from(pem).toString('base64') }],
    },
  });
}
