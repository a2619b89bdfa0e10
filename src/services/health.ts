import { protobufService } from '../codecs/protobuf.ts'
import type { Context } from '../endpoint.ts'
import { RpcError } from '../error.ts'
import { Health, type HealthCheckRequest, HealthCheckResponse_ServingStatus as Status } from '../gen/grpc/health/v1/health_pb.ts'
import type { ServerView, StandardService } from '../standard.ts'

/** `grpc.health.v1.Health` of a server, and a say in what it answers. */
export interface HealthService extends StandardService {
  /**
   * Takes a service, by the name of its contract, out of service or puts it back; without a name the whole server. What the server does itself
   * it follows by itself: it serves once it is registered, and no more when it drains.
   */
  set(serving: boolean, service?: string): void
}

/**
 * Tells probes and balancers whether the server takes calls: the server as a whole, under its name, and each of its contracts.
 * Protocol: https://github.com/grpc/grpc/blob/master/doc/health-checking.md
 *
 * @example createServer({ name: 'hello.srv.say', registry, services: [health()] })
 */
export function health(): HealthService {
  const down = new Set<string>()
  const waiting = new Set<() => void>()
  const wake = (): void => {
    for (const go of waiting) go()
    waiting.clear()
  }

  const service = (server: ServerView): ReturnType<StandardService> => {
    server.onState(wake)
    const names = (): string[] => ['', server.name, ...server.services.map(({ name }) => name)]
    const statusOf = (name: string): Status | undefined => {
      if (!names().includes(name)) return undefined
      return server.state === 'serving' && !down.has('') && !down.has(name) ? Status.SERVING : Status.NOT_SERVING
    }

    async function* watch({ service: name }: HealthCheckRequest, { signal }: Context): AsyncGenerator<{ status: Status }> {
      let last: Status | undefined
      while (signal?.aborted !== true) {
        const status = statusOf(name) ?? Status.SERVICE_UNKNOWN
        if (status !== last) {
          last = status
          yield { status }
        } else if (server.stopping.aborted) throw new RpcError('unavailable', `${server.name} is stopping`)
        else await change(signal)
      }
    }

    server.stopping.addEventListener('abort', wake, { once: true })
    const handlers = {
      check({ service: name }: HealthCheckRequest) {
        const status = statusOf(name)
        if (status === undefined) throw new RpcError('not_found', `${server.name} has no service "${name}"`)
        return { status }
      },
      list: () => ({ statuses: Object.fromEntries(names().map((name) => [name, { status: statusOf(name) }])) }),
      watch,
    }
    return [{ service: protobufService(Health), handlers }]
  }

  /** Resolves when a status may have changed, or nobody wants to know any more. */
  function change(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const go = (): void => {
        waiting.delete(go)
        signal?.removeEventListener('abort', go)
        resolve()
      }
      waiting.add(go)
      signal?.addEventListener('abort', go)
    })
  }

  return Object.assign(service, {
    serving: () => !down.has(''),
    set(serving: boolean, name = '') {
      if (serving) down.delete(name)
      else down.add(name)
      wake()
    },
  })
}
