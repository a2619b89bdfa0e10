import type { Clock } from '../../clock.ts'
import { RpcError } from '../../error.ts'
import { type Answer, createExchange, type EtcdV2TlsOptions, type Outgoing } from './exchange.ts'
import { failureOf } from './failure.ts'
import type { WireNode } from './keys.ts'

/** Parameters of a request, in its query or its form. */
export type Query = Readonly<Record<string, string | number | boolean>>

/** A request for a key. */
export interface KeyRequest extends Pick<Outgoing, 'method' | 'signal' | 'background' | 'idle'> {
  /** Begins with `/`. */
  readonly key: string
  readonly query?: Query | undefined
  readonly form?: Query | undefined
  /** Milliseconds for all endpoints together. Default: the link's. */
  readonly timeout?: number | undefined
  /** Called with etcd's index as soon as the head of the answer is there; the body may come later. */
  readonly onIndex?: ((index: number) => void) | undefined
}

/** What etcd answered. */
export interface KeyAnswer {
  /** etcd's index when it answered. */
  readonly index: number
  /** Empty where nothing came within `idle`. */
  readonly body: { readonly action?: string; readonly node?: WireNode; readonly prevNode?: WireNode }
}

/** The way to etcd: to whichever of the endpoints answers. */
export interface Link {
  /** For messages: `etcd v2 at host:port,host:port`. */
  readonly name: string
  readonly timeout: number
  /** Rejects with an RpcError that names the endpoints; see `failureOf` for its codes. A GET of what is not there has no node. */
  request(request: KeyRequest): Promise<KeyAnswer>
  /** Resolves after `ms` milliseconds, longer where many wait, or as soon as etcd answers again. */
  pause(ms: number): Promise<void>
  readonly closed: boolean
  close(): void
}

/** What a {@link Link} needs. */
export interface LinkOptions {
  readonly addresses: readonly string[]
  readonly tls: EtcdV2TlsOptions | boolean
  readonly username: string | undefined
  readonly password: string | (() => string | Promise<string>) | undefined
  readonly timeout: number
  readonly clock: Clock
  readonly random: () => number
}

/** Nothing is connected before it is needed. */
export function createLink(options: LinkOptions): Link {
  const { addresses, username, timeout, clock } = options
  const name = `etcd v2 at ${addresses.join(',')}`
  const exchange = createExchange(options.tls)
  const waiting = new Set<() => void>()
  // Not always the first: a fleet is to spread over the members.
  let at = Math.floor(options.random() * addresses.length)
  /** It did the last time. */
  let answering = true
  let closed = false

  async function authorization(): Promise<Record<string, string>> {
    const { password = '' } = options
    if (username === undefined) return {}
    const secret = typeof password === 'function' ? await password() : password
    return { authorization: `Basic ${Buffer.from(`${username}:${secret}`).toString('base64')}` }
  }

  /** Around the endpoints, each once, until one of them answers: all that is asked for may be asked for twice. */
  async function around(outgoing: Omit<Outgoing, 'timeout'>, total: number): Promise<Answer> {
    const failures: RpcError[] = []
    const end = performance.now() + total
    const each = addresses.length > 1 ? Math.min(2000, total / 2) : total
    for (const _ of addresses) {
      const tried = at
      const left = end - performance.now()
      if (closed) throw new RpcError('canceled', `${name}: the registry is closed`, { outbound: true })
      if (left <= 0) break
      try {
        const answer = await exchange.send(addresses[tried % addresses.length] ?? '', { ...outgoing, timeout: Math.min(each, left) })
        const failure = failureOf(answer, username)
        if (failure?.code !== 'unavailable') {
          if (!answering) for (const resume of [...waiting]) resume()
          answering = true
          return answer
        }
        failures.push(failure)
      } catch (thrown) {
        const error = RpcError.from(thrown)
        failures.push(error)
        if (error.code === 'canceled') throw named(failures)
      }
      if (at === tried) at += 1
    }
    answering = false
    throw named(failures)
  }

  function named(failures: readonly RpcError[]): RpcError {
    const last = failures.at(-1) ?? new RpcError('deadline_exceeded', 'no answer')
    const texts = [...new Set(failures.map(({ rawMessage }) => rawMessage))]
    return new RpcError(last.code, `${name}: ${texts.join('; ')}`, { cause: last, outbound: true })
  }

  function parse(text: string): KeyAnswer['body'] {
    try {
      return JSON.parse(text)
    } catch (cause) {
      throw new RpcError('internal', `${name}: this is no answer of etcd: ${text.slice(0, 200)}`, { cause, outbound: true })
    }
  }

  return {
    name,
    timeout,
    async request({ method, key, query = {}, form, timeout: total = timeout, onIndex, ...rest }) {
      const answer = await around(
        {
          ...rest,
          method,
          path: `/v2/keys${key.split('/').map(encodeURIComponent).join('/')}?${encode(query)}`,
          body: form && encode(form),
          headers: await authorization(),
          onHead: onIndex && (({ status, headers }) => void (status === 200 && onIndex(indexOf(headers)))),
        },
        total,
      )
      const failure = failureOf(answer, username)
      if (failure !== undefined && !(method === 'GET' && failure.code === 'not_found')) throw named([failure])
      return { index: indexOf(answer.headers), body: answer.body === undefined ? {} : parse(answer.body) }
    },
    pause(ms) {
      return new Promise((resolve) => {
        const resume = (): void => {
          waiting.delete(resume)
          callOff()
          resolve()
        }
        waiting.add(resume)
        // However many they are, together they do not ask more often; and one that is answered wakes all.
        const callOff = clock.after(ms * Math.max(1, waiting.size / 10), resume)
      })
    },
    get closed() {
      return closed
    },
    close() {
      closed = true
      exchange.close()
    },
  }
}

function encode(query: Query): string {
  return new URLSearchParams(Object.entries(query).map(([name, value]): [string, string] => [name, String(value)])).toString()
}

function indexOf(headers: Answer['headers']): number {
  return Number(headers['x-etcd-index'] ?? 0)
}
