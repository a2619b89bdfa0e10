import { createServer, type Handlers, type Server, type ServerOptions } from '../../src/index.ts'
import { Echo } from '../gen/echo_pb.ts'

/** Answers every method of the Echo contract; `text` of unary replies tells who answered. */
export function echoHandlers(who: string, changes: Partial<Handlers<typeof Echo>> = {}): Handlers<typeof Echo> {
  return {
    unary: ({ payload, count }) => ({ text: who, payload, count }),
    once: ({ payload, count }) => ({ text: who, payload, count }),
    async collect(requests) {
      let count = 0
      for await (const _ of requests) count++
      return { text: who, count }
    },
    async *expand({ count }) {
      for (let i = 0; i < count; i++) yield { text: who, count: i }
    },
    async *chat(requests) {
      for await (const request of requests) yield { ...request, text: `${who}: ${request.text}` }
    },
    ...changes,
  }
}

/** A started Echo server on a free port of 127.0.0.1, registered as `echo`. */
export function startEcho(
  options: Partial<ServerOptions> & { who?: string; changes?: Partial<Handlers<typeof Echo>> } = {},
): Promise<Server> {
  const { who = 'echo', changes, ...rest } = options
  const server = createServer({ name: 'echo', id: who, address: '127.0.0.1:0', signals: false, propagation: 0, grace: 2000, ...rest })
  return server.handle(Echo, echoHandlers(who, changes)).start()
}

/** Resolves when `condition` holds; throws after `ms` milliseconds, saying what did not come true. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, ms = 20_000): Promise<void> {
  const end = performance.now() + ms
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited ${ms} ms in vain for: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
