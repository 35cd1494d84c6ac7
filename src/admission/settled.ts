/** Waits until something is done or has failed, or until nobody waits any more. */
export async function settled(
  promise: Promise<void>,
  signal: AbortSignal,
): Promise<'done' | 'failed' | 'given up'> {
  if (signal.aborted) return 'given up';
  const { promise: aborted, resolve } = Promise.withResolvers<'given up'>();
  const onAbort = () => resolve('given up');
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([
      promise.then(
        () => 'done' as const,
        () => 'failed' as const,
      ),
      aborted,
    ]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
