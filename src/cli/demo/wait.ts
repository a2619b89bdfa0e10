import { exitCodes, failure } from '../exit.ts'
import { stopCode } from '../stop.ts'

/** Waits, but no longer than `ms` milliseconds and not after `stop`: then rejects with a failure saying what did not come. */
export async function within<T>(ms: number, what: string, stop: AbortSignal, promise: Promise<T>): Promise<T> {
  let callOff = (): void => {}
  const end = new Promise<never>((_, reject) => {
    const stopped = (): void => reject(failure(stopCode(stop), `the demo was stopped by ${stop.reason}`))
    const timer = setTimeout(() => reject(failure(exitCodes.failed, `waited ${ms / 1000} s in vain for ${what}`)), ms)
    if (stop.aborted) stopped()
    stop.addEventListener('abort', stopped, { once: true })
    callOff = () => {
      clearTimeout(timer)
      stop.removeEventListener('abort', stopped)
    }
  })
  try {
    return await Promise.race([promise, end])
  } finally {
    callOff()
  }
}
