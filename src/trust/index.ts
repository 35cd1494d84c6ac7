export { acceptList } from './accept-list.ts';
export { approvalLines, approvalsSizeLimit } from './approvals.ts';
export { type ApprovalRequest, addApproval, addLine, type Preparation, prepareApproval } from './approve.ts';
export { type Attested, attestedSubjects } from './attested-subjects.ts';
export { bundleMediaType, parseBundle, preAuthentication, signBundle } from './bundle.ts';
export { claimedSigners } from './claimed-signers.ts';
export {
  changePolicy,
  defaultPolicyDays,
  emptyPolicy,
  type NewSigner,
  nextVersion,
  type PolicyChanges,
  type RoleName,
} from './edit-policy.ts';
export { type KeylessOptions, signKeyless } from './keyless-signer.ts';
export { policyListId } from './list-authority.ts';
export { bindsFirstContact } from './list-history.ts';
export { acceptClock, type ListMemory, readListMemory, writeListMemory } from './list-memory.ts';
export type {
  AcceptanceRules,
  ExpectedListId,
  ListFact,
  ListHeader,
  ListOffer,
  ListOutcome,
  ListSummary,
  Trust,
} from './list-offer.ts';
export { readPlace, writePlace } from './place-memory.ts';
export {
  defaultValidityDays,
  longestValidityDays,
  parsePolicy,
  policySizeLimit,
  type Role,
  type TrustedIdentity,
  type TrustedKey,
  type TrustPolicy,
  trustSchema,
  writePolicy,
} from './policy.ts';
export {
  acceptPolicy,
  longestChain,
  type PolicyAnchor,
  type PolicyOutcome,
  type PolicySource,
  type PolicyStart,
  type SignedPolicy,
} from './policy-chain.ts';
export { createPolicy, type EditedPolicy, editPolicy, readPolicy } from './policy-files.ts';
export { keySizeLimit, type PublicKey, parsePublicKey, publicKeyFrom } from './public-key.ts';
export {
  type AskPassphrase,
  makeKeyPair,
  parseSigningKey,
  type SigningKey,
  signingKeyFrom,
} from './signing-key.ts';
export {
  type Claim,
  type ExtraSubject,
  listPredicateType,
  parseStatement,
  timestamp,
  trustPredicateType,
  writeStatement,
} from './statement.ts';
export {
  approvalsPath,
  earlierPolicyPath,
  policySource,
  readIfThere,
  readUpTo,
  trustedRootPath,
} from './trust-files.ts';
export { keyRoot, type TrustRoot } from './trust-root.ts';
