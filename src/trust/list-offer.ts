import type { RuleId } from '../findings/index.ts';
import type { Digest } from '../oci/index.ts';
import type { ListMemory } from './list-memory.ts';
import type { PolicySource, PolicyStart } from './policy-chain.ts';
import type { PublicKey } from './public-key.ts';

/** By what a list is judged: one key, or a trust policy. */
export type Trust =
  | { readonly kind: 'key'; readonly key: PublicKey; readonly name: string }
  | {
      readonly kind: 'policy';
      readonly source: PolicySource;
      /** What this host has of the chain: never looked up by what an offered policy says of itself. */
      readonly start: PolicyStart;
    };

/** The id that a list must have, and where that is known from. */
export interface ExpectedListId {
  readonly listId: string;
  /** For the message: `--list-id names corp`. */
  readonly because: string;
}

/** The part of a list that its approval must agree with. */
export interface ListHeader {
  readonly listId: string;
  readonly version: number;
  /** By full name: an approval may name them too. */
  readonly models: ReadonlyMap<string, { readonly manifest: { readonly digest: Digest } }>;
}

export interface ListOffer<L extends ListHeader> {
  readonly bytes: Uint8Array;
  /** Largest list, bytes. */
  readonly sizeLimit: number;
  /** Parses the list, once its bytes are approved. @throws KnownError LIST_MALFORMED */
  readonly parse: (bytes: Uint8Array) => L;
  /** Empty when there is no approvals file. */
  readonly approvals: Uint8Array;
  readonly trust: Trust;
}

export interface AcceptanceRules {
  readonly now: Date;
  /** The list id that belongs to the place of the list, or that was typed; undefined where neither is known. */
  readonly expected?: ExpectedListId | undefined;
  /** What this host remembers of the list under this root of trust; undefined at the first contact. */
  readonly recall: (listId: string) => ListMemory | undefined;
  readonly minVersion?: number | undefined;
  readonly expectDigest?: Digest | undefined;
  /** Accept a list whose approvals have expired, loudly. */
  readonly allowExpired: boolean;
  /** Refuse a first contact that nothing binds: no memory, no expected digest, no least version. */
  readonly bound: boolean;
}

/** One sentence about the list, under a rule. */
export interface ListFact {
  readonly rule: RuleId;
  readonly message: string;
  readonly hint?: string | undefined;
  /** Full name of the model that it is about, and what the layer is. */
  readonly model?: string | undefined;
  readonly layer?: string | undefined;
  readonly expected?: string | undefined;
  readonly actual?: string | undefined;
}

/** What is known of the list, for the report; `expires` of the approvals that count. */
export interface ListSummary {
  readonly listId: string;
  readonly version: number;
  readonly digest: Digest;
  readonly expires: Date;
  readonly signers: readonly string[];
}

export type ListOutcome<L extends ListHeader> = Verdict<L> & {
  /** When the same offer may be judged otherwise; undefined where no date changes it, and where nothing was judged. */
  readonly nextChange?: Date | undefined;
};

type Verdict<L extends ListHeader> =
  | {
      readonly accepted: true;
      readonly list: L;
      readonly summary: ListSummary;
      readonly facts: readonly ListFact[];
      /** To be remembered now; undefined when nothing new may be accepted (grace, an expired list). */
      readonly remember: ListMemory | undefined;
      readonly recalled: ListMemory | undefined;
      /** The trust policy names a least version: an old list cannot pass even where nothing is remembered. */
      readonly pinned: boolean;
    }
  | {
      readonly accepted: false;
      readonly facts: readonly ListFact[];
      readonly summary: ListSummary | undefined;
    };

/** Ends the judgement of a list; becomes its last fact. */
export class Refused extends Error {
  readonly fact: ListFact;

  constructor(rule: RuleId, message: string, rest: Omit<ListFact, 'rule' | 'message'> = {}) {
    super(message);
    this.fact = { rule, message, ...rest };
  }
}
