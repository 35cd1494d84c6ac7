import { error, info, warning } from './rule.ts';

const askSigner = 'Ask the people who approve this list, and do not run its models until it is clear.';

/** What may be wrong with an allow-list, its approvals or the trust policy. */
export const listRules = {
  'list-unreadable': error(
    2,
    'The allow-list or its approvals cannot be read.',
    'Without it nothing can be trusted; the bytes were still checked against the manifests.',
    'Check the path, its permissions, and what was mounted there.',
  ),
  'list-malformed': error(
    2,
    'The allow-list is not one that two readers would read alike, or does not say what its approval says.',
    'A list that can be read in two ways approves two things.',
    'Make it again with verify-models allow, and approve it again.',
  ),
  'list-contradicts-manifest': error(
    2,
    'The allow-list says other things of a model than the manifest whose digest it pins.',
    'A reviewer reads the layers of the list, and Ollama runs those of the manifest: one of the two was not approved.',
    'Trust nothing of this list; ask who made and who approved it. Then list the model again: verify-models allow.',
  ),
  'list-unsigned': error(
    2,
    'Nobody has approved the allow-list.',
    'Whoever can write the file decides what is trusted.',
    'Approve it: verify-models sign.',
  ),
  'list-changed': error(
    2,
    'The bytes of the allow-list are not those that were approved.',
    'Somebody changed the list after it was approved, or the approvals belong to another version.',
    'Take list and approvals together from where they are kept, or approve the new bytes.',
  ),
  'list-not-approved': error(
    2,
    'The approvals of the allow-list do not count: too few distinct signers, unknown keys, or dates that do not fit.',
    'The trust policy, or the key you gave, asks for more.',
    'Let the missing signers approve it: verify-models sign.',
  ),
  'list-expired': error(
    2,
    'The approval of the allow-list has expired.',
    'An old list may allow a model that was taken off since.',
    'Approve the same bytes again: verify-models sign --renew. In need: --allow-expired.',
  ),
  'list-expired-allowed': warning(
    'The approval of the allow-list has expired, and --allow-expired accepted it all the same.',
    'An old list may allow a model that was taken off since.',
    'Approve the same bytes again: verify-models sign --renew.',
    2,
  ),
  'list-in-grace': warning(
    'The approval of the allow-list has expired; the trust policy lets a list that was accepted before go on for a while.',
    'When the days of grace are over, nothing starts any more.',
    'Approve the same bytes again: verify-models sign --renew.',
    2,
  ),
  'list-rolled-back': error(
    2,
    'The allow-list is older than one that was accepted here, or than the trust policy or --min-version allow.',
    'An attacker who cannot sign can still bring back an old list with an old model in it.',
    'Fetch the newest list.',
  ),
  'list-equivocates': error(
    2,
    'Another allow-list with the same version was accepted here before.',
    'One version has one content; two of them mean that a signer, or a key, tells two stories.',
    askSigner,
  ),
  'list-not-expected': error(
    2,
    'The allow-list is not the one that --expect-digest names.',
    'The digest was given to bind this check to one list.',
    'Compare the digest with the one its signers publish.',
  ),
  'list-of-another': error(
    2,
    'The allow-list or the trust policy has another list id than the one that is expected: that of the trust policy, of --list-id, or of the list that was accepted from the same place before.',
    'A list of one purpose says nothing about another, although the same key approved both.',
    'Take list and policy from where the expected ones are kept. If another list is to belong to this place from now on, name it with --list-id.',
  ),
  'list-first-seen': info(
    'This host has never accepted this allow-list before.',
    'At the first contact nothing here can tell an old list from the newest one.',
    'Compare the fingerprint with that of the signer, or give --expect-digest, or a --min-version above 1.',
    2,
  ),
  'first-contact': error(
    2,
    'This host has never accepted this allow-list, and nothing binds the check to a version of it.',
    'Where a check guards a start, an old list must not pass because nothing is remembered.',
    'Give --expect-digest, or a --min-version above 1 (every list has 1), or a state directory that lasts.',
  ),
  'clock-set-back': error(
    2,
    'The clock is before the time at which a list was accepted here.',
    'A clock set back makes expired approvals valid again.',
    'Set the clock; if the remembered time is the wrong one: verify-models trust accept-clock.',
  ),
  'state-not-kept': warning(
    'What was accepted could not be remembered.',
    'The next check cannot tell an older list from this one.',
    'Name a state directory of your own: --state DIR.',
    2,
  ),
  'trust-file-writable': warning(
    'A user other than root and the one who checks can write a file that decides what is trusted (key, trust policy, settings, state), or put another one in its place.',
    'Whoever can replace the key decides what is approved. A check that guards a start fails where root runs it.',
    'Give the file, and every directory above it, to root, and take the permission to write from everybody else: chmod go-w.',
    2,
  ),
  'list-file-writable': warning(
    'A user other than root and the one who checks can write the allow-list, its approvals or its tables, or put others in their place.',
    'The signature stands against another list; an old list, or none at all, is what that user can bring.',
    'Give the files, and every directory above them, to root, and take the permission to write from everybody else: chmod go-w.',
    2,
  ),
  'trust-malformed': error(
    2,
    'The trust policy is not one that two readers would read alike, or a key in it cannot be used.',
    'No list is accepted under it.',
    'Take the policy from where it is kept: verify-models trust show.',
  ),
  'trust-not-approved': error(
    2,
    'The trust policy does not have the approvals that it, or the one accepted before, asks for.',
    'Whoever can replace the policy decides who may approve.',
    'Let the missing signers approve it: verify-models sign trust.json.',
  ),
  'trust-expired': error(
    2,
    'The trust policy has expired.',
    'No list is accepted under it.',
    'Make the next one: verify-models trust rotate.',
  ),
  'trust-rolled-back': error(
    2,
    'The trust policy is older than one that was accepted here, or another one of the same version.',
    'An old policy may name a signer who was removed since.',
    'Fetch the newest policy.',
  ),
} as const;

/** What an allow-list says of a model. */
export const listedModelRules = {
  'model-not-listed': error(
    2,
    'The model is not on the allow-list.',
    'Nobody approved it.',
    'Remove it with ollama rm, or have it approved: verify-models allow.',
  ),
  'model-copy': error(
    2,
    'The content of the model is listed, under another name.',
    'A name is a promise: old content under a new name, or a familiar one, misleads whoever runs it.',
    'Run it under its listed name, or accept copies with --allow-copies.',
  ),
  'model-not-as-listed': error(
    1,
    'The model of this name is not the one that was approved: its manifest names other layers.',
    'A tag moved, or somebody replaced manifest and blobs together; its own digests agree with each other.',
    'Compare it: verify-models diff. Then have the new one approved, or pull the approved one again.',
  ),
  'model-missing': error(
    8,
    'A listed model that was asked for is not in the store.',
    'It was named on the command line, or --require-all was given.',
    'Pull it.',
  ),
  'model-absent': info(
    'Some listed models are not in the store.',
    'A list may be larger than what one host holds.',
    'Nothing, or pull it.',
    8,
  ),
  'manifest-rewritten': warning(
    'The bytes of the manifest differ from the approved ones; config and layers are the same in every point.',
    'Older versions of Ollama write a manifest again when they store it.',
    'Nothing; --exact refuses it.',
  ),
  'chunk-table-wrong': error(
    2,
    'The chunk table of the list and the digest of the blob disagree: the bytes have the one and not the other.',
    'A table that was not checked against the bytes lets other bytes pass by their pieces.',
    'Make the list again with verify-models allow, and find out who signed it.',
  ),
  'chunk-table-unusable': info(
    'The chunk table of a big blob is missing or damaged, so its whole digest was used.',
    'The check is as good and slower: one blob on one core.',
    'Mount the chunks directory beside the list, or name it with --chunks.',
    2,
  ),
} as const;
