export { addressOf } from './address.ts';
export { type ConnectionLimits, limitConnections } from './connections.ts';
export { hostNameOf, isLoopbackName } from './host-name.ts';
export { type Asked, type Objection, type OwnNames, objectionTo, pathTarget } from './objection.ts';
export { type ShareLimits, Shares, shareOf } from './shares.ts';
export { Turns } from './turns.ts';
