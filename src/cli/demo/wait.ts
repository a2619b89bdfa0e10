import { exitCodes, failure } from '../exit.ts'
import { stopped } from '../stop.ts'

/** Waits, but no longer than `ms` milliseconds and not after `stop`: then rejects with a failure saying what did not come. */
export async function within<T>(ms: number, what: string, stop: AbortSignal, promise: Promise<T>): Promise<T> {
  let callOff = (): void => {}
  const end = new Promise<never>((_, reject) => {
    const cut = (): void => reject(stopped(stop))
    const timer = setTimeout(() => reject(failure(exitCodes.failed, `waited ${ms / 1000} s in vain for ${what}`)), ms)
    if (stop.aborted) cut()
    stop.addEventListener('abort', cut, { once: true })
    callOff = () => {
      clearTimeout(timer)
      stop.removeEventListener('abort', cut)
    }
  })
  try {
    return await Promise.race([promise, end])
  } finally {
    callOff()
  }
}
