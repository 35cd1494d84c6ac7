export { Admission, type AdmissionSettings } from './admission.ts';
export type {
  BlobAnswer,
  Client,
  ManifestAnswer,
  ManifestQuestion,
  Mirror,
  ReadableBlob,
  Referrer,
} from './answers.ts';
export { ApprovedList, type ListStanding } from './approved-list.ts';
export { BlobArrival } from './blob-arrival.ts';
export { CatalogRecords } from './catalog-records.ts';
export { contradictionSentence, type Decision, decideModel, type Policy } from './decide-model.ts';
export type { QueueLimits } from './fair-queue.ts';
export { blobsOf, type CheckedManifest, checkManifest, digestOf } from './manifest-source.ts';
export type { AdmissionEvents } from './model-arrivals.ts';
export { receiveBlob } from './receive-blob.ts';
export type { AdmittedBlob, AdmittedModel, NewModel, Records } from './records.ts';
export { nameOf, type Route, Routes } from './routes.ts';
