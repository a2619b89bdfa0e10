let calls = 0
let handle: NodeJS.Timeout | undefined

/** Keeps the process alive until as many calls are {@link settled} as are begun, on all connections together: one handle is cheaper than each connection's own. */
export function begun(): void {
  if (calls++ > 0) return
  handle ??= setInterval(() => {}, 0x7fffffff)
  handle.ref()
}

/** See {@link begun}. */
export function settled(): void {
  if (--calls === 0) handle?.unref()
}
