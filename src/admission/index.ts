export type {
  BlobAnswer,
  Client,
  ManifestAnswer,
  ManifestQuestion,
  Mirror,
  ReadableBlob,
  Referrer,
} from './answers.ts';
