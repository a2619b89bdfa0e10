import type { Balancer } from '../../balancer.ts'
import type { Channel } from '../../channel.ts'
import { unary } from '../../codecs/json.ts'
import type { Middleware } from '../../endpoint.ts'
import { createChannel, createClient, defineService } from '../../index.ts'
import { silent } from '../../logger.ts'
import type { NodeStatus } from '../../node.ts'
import type { Registry } from '../../registry.ts'
import { serviceName } from './registry.ts'

interface BookInfo {
  readonly bookId: number
  readonly bookName: string
}

/** What the demo needs of proto/book.proto, without the .proto: its messages as JSON, which its server understands too. */
const BookService = defineService('book.BookService', {
  getBookInfo: unary<{ bookId: number }, BookInfo>({ idempotent: true }),
})

/** Calls the book service, telling who answered. */
export interface BookCaller extends AsyncDisposable {
  /** Waits for an instance for up to 15 seconds. */
  call(bookId: number): Promise<BookInfo & { readonly address: string }>
  /** Attempts that failed and were made again elsewhere. */
  readonly repeated: number
  /** Resolves as soon as the nodes are as wanted, with the time on `performance.now()`'s clock. */
  when(wanted: (nodes: readonly NodeStatus[]) => boolean): Promise<number>
}

/** A client of the book service with a channel of its own. */
export function bookCaller(registry: Registry, balancer: Balancer): BookCaller {
  const waiting = new Set<(nodes: readonly NodeStatus[]) => void>()
  let repeated = 0

  const countFailures: Middleware = (next) => async (request, context) => {
    try {
      return await next(request, context)
    } catch (error) {
      repeated++
      throw error
    }
  }

  const channel: Channel = createChannel({
    service: serviceName,
    registry,
    balancer,
    nodeMiddleware: [countFailures],
    onChange(nodes) {
      for (const check of [...waiting]) check(nodes)
    },
    logger: silent,
  })

  const answeredBy = new WeakMap<object, string>()
  const noteInstance: Middleware = (next) => async (request, context) => {
    const response = await next(request, context)
    if (context.instance !== undefined) answeredBy.set(request as object, context.instance.address)
    return response
  }

  const client = createClient(BookService, { channel, middleware: [noteInstance], timeout: 15_000 })

  return {
    async call(bookId) {
      const request = { bookId }
      const info = await client.getBookInfo(request)
      return { ...info, address: answeredBy.get(request) ?? 'an unknown instance' }
    },
    get repeated() {
      return repeated
    },
    when: (wanted) =>
      new Promise((resolve) => {
        const check = (nodes: readonly NodeStatus[]): void => {
          if (!wanted(nodes)) return
          waiting.delete(check)
          resolve(performance.now())
        }
        waiting.add(check)
        check(channel.nodes)
      }),
    [Symbol.asyncDispose]: () => channel.close(),
  }
}
