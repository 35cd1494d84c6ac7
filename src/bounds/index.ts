export { BoundedMap } from './bounded-map.ts';
export { type BucketLimits, TokenBucket } from './token-bucket.ts';
