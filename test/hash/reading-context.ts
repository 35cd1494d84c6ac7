import { ControlView, makeControl } from '../../src/hash/shared-control.ts';

/** A rate that never makes anything wait, but has the clock asked before every read. */
const boundless = 1e15;

/** What reading needs, without a pool. `beforeRead` is called before each read, with its number from 1. */
export function readingContext(beforeRead?: (read: number, control: ControlView) => void) {
  const control = new ControlView(makeControl(1));
  let read = 0;
  const now = () => {
    read += 1;
    beforeRead?.(read, control);
    return BigInt(read);
  };
  return { control, thread: 0, maxRate: beforeRead === undefined ? undefined : boundless, now };
}
