import { Watch, type WatchRequest } from '../gen/etcd/rpc_pb.ts'
import type { Route } from '../transport.ts'
import { implement } from './routes.ts'
import { type WatchSource, type WatchStream, watchStream } from './watch-stream.ts'

/** etcd's Watch service. A call goes on when its caller has no more requests, until the caller leaves. */
export function watchService(source: WatchSource): readonly Route[] {
  return implement(Watch, {
    async watch(requests, { signal }) {
      const stream = watchStream(source)
      signal?.addEventListener('abort', stream.replies.end, { once: true })
      void accept(stream, requests)
      return stream.replies
    },
  })
}

async function accept(stream: WatchStream, requests: AsyncIterable<WatchRequest>): Promise<void> {
  try {
    for await (const request of requests) stream.accept(request)
  } catch {
    stream.replies.end()
  }
}
