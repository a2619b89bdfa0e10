import { Histogram } from './figures.ts'
import type { Load, Measured } from './setup.ts'

/** What every peer sends and gets: `Greeter.Hello`, three short strings each way. */
export interface Hello {
  readonly from: string
  readonly to: string
  readonly msg: string
}

/** `beckon.test.EchoMessage`, for all that is not `Greeter.Hello`. */
export interface Echo {
  readonly text: string
  readonly payload: Uint8Array
  readonly count: number
}

/** What a client does on one connection. Peers that are only there for small unary calls leave the rest out. */
export interface Calls {
  /** Sends {@link request}. */
  hello(): Promise<Hello>
  /** Resolves with the same message. */
  echo?(message: Echo): Promise<Echo>
  /** A server stream of `message.count` messages, each a call of `each`. */
  expand?(message: Echo, each: () => void): Promise<void>
  /** A stream both ways on which every message is answered with the same; see {@link Talk}. */
  chat?(talk: Talk): Promise<void>
}

/** The messages of one stream both ways: `ahead` of them are sent at once, one more for each that came back, until it is over. */
export interface Talk {
  readonly ahead: number
  readonly message: Echo
  /** Counts a message that came back. */
  received(): void
  over(): boolean
}

/** The request of every `hello`. */
export const request: Hello = { from: 'client', to: 'server', msg: 'hello, how are you?' }

/** Messages of one server stream, after which the next is opened. */
const streamLength = 1000
/** Messages under way on one stream both ways. */
const window = 64
/** `mixed`: the same of its large messages, and how many make small calls beside them, pausing after each. */
const bigWindow = 2
const callers = 4

/** Keeps a load going for its time. A call that fails ends the measurement. */
export async function run({ kind, inFlight, bytes = 0, ms }: Load, connections: readonly Calls[]): Promise<Measured> {
  const times = new Histogram()
  const cpu = process.cpuUsage()
  const begin = performance.now()
  // To read the clock costs as much as to send a message of a stream, and would be most of what the bench itself takes.
  let ended = false
  setTimeout(() => {
    ended = true
    // A timer may be a millisecond early.
  }, ms + 1)
  const over = (): boolean => ended
  const payload = new Uint8Array(bytes).fill(0x61)
  let messages = 0
  const count = (): void => {
    messages++
  }
  const timed = async (call: () => Promise<unknown>, pause: boolean): Promise<void> => {
    let start = performance.now()
    while (!over()) {
      await call()
      const end = performance.now()
      times.add(end - start)
      start = end
      if (!pause) continue
      await new Promise((resolve) => setTimeout(resolve, 1))
      start = performance.now()
    }
  }
  const workers: Record<Load['kind'], (calls: Calls) => Promise<void>> = {
    hello: ({ hello }) => timed(hello, false),
    echo: ({ echo }) => {
      const message = { text: '', payload, count: 0 }
      return timed(async () => {
        const { length } = (await echo?.(message))?.payload ?? []
        if (length !== bytes) throw new Error(`sent ${bytes} bytes, got ${length}`)
      }, false)
    },
    expand: async ({ expand }) => {
      while (!over()) {
        const before = messages
        await expand?.({ text: request.msg, payload, count: streamLength }, count)
        if (inFlight === 1 && messages - before !== streamLength) throw new Error(`${messages - before} messages of ${streamLength} came`)
      }
    },
    chat: async ({ chat }) => chat?.({ ahead: window, message: { text: request.msg, payload, count: 0 }, received: count, over }),
    mixed: async ({ chat }) => chat?.({ ahead: bigWindow, message: { text: '', payload, count: 0 }, received: count, over }),
  }
  const worker = (_: unknown, i: number): Promise<void> => workers[kind](connections[i % connections.length] as Calls)
  const { hello } = connections[0] as Calls
  const beside = Array.from({ length: kind === 'mixed' ? callers : 0 }, () => timed(hello, true))
  await Promise.all([...Array.from({ length: inFlight }, worker), ...beside])
  const seconds = (performance.now() - begin) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return {
    count: kind === 'expand' || kind === 'chat' ? messages : times.total,
    seconds,
    p50us: times.percentile(0.5),
    p99us: times.percentile(0.99),
    maxUs: times.percentile(1),
    cpuUs: user + system,
    ...(kind === 'mixed' && { streamed: messages * bytes }),
  }
}

/**
 * The messages of a {@link Talk}, for clients that take an async iterable; by hand, as a generator would take more time than the messages do. Tell
 * `received` of this, not of the talk.
 */
export function conversation({ ahead, message, received, over }: Talk): { requests(): AsyncIterableIterator<Echo>; received(): void } {
  const one = { done: false as const, value: message }
  const none = { done: true as const, value: undefined }
  let free = ahead
  let wake: ((result: IteratorResult<Echo>) => void) | undefined

  const requests: AsyncIterableIterator<Echo> = {
    next() {
      if (over()) return Promise.resolve(none)
      if (free > 0) {
        free--
        return Promise.resolve(one)
      }
      return new Promise((resolve) => {
        wake = resolve
      })
    },
    return: () => Promise.resolve(none),
    // connect wants it.
    throw: (reason) => Promise.reject(reason),
    [Symbol.asyncIterator]: () => requests,
  }

  return {
    requests: () => requests,
    received() {
      received()
      if (wake === undefined) free++
      else wake(over() ? none : one)
      wake = undefined
    },
  }
}
