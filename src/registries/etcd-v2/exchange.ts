import { Agent as HttpAgent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { parseAddress } from '../../address.ts'
import { RpcError } from '../../error.ts'

/** Keys and certificates, as PEM text or bytes. */
export interface EtcdV2TlsOptions {
  /** Certificates of the authorities that etcd's certificate is checked against. Default: those known to Node. */
  readonly ca?: string | Buffer | readonly (string | Buffer)[] | undefined
  /** This side's certificate and its key, where etcd asks for them. */
  readonly cert?: string | Buffer | undefined
  readonly key?: string | Buffer | undefined
  readonly passphrase?: string | undefined
  /** The name that etcd's certificate is checked for. Default: the host of the endpoint. */
  readonly servername?: string | undefined
  /** Whether an etcd with a certificate that cannot be verified is turned away. Default true. */
  readonly rejectUnauthorized?: boolean | undefined
}

/** What is sent. */
export interface Outgoing {
  readonly method: 'GET' | 'PUT' | 'DELETE'
  /** With the query. */
  readonly path: string
  /** As a form. */
  readonly body?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Milliseconds until the head of the answer must be there, connecting included. */
  readonly timeout: number
  /** Milliseconds from then until the body must be. Default: the same. */
  readonly idle?: number | undefined
  /** Called with the head of the answer, where its body may come later. */
  readonly onHead?: ((answer: Pick<Answer, 'status' | 'headers'>) => void) | undefined
  readonly signal?: AbortSignal | undefined
  /** Nobody waits for it: it does not keep the process alive. */
  readonly background?: boolean | undefined
}

/** What came back. `body` is undefined where it did not come within `idle`. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string | undefined
}

/** HTTP/1.1 requests over connections that are kept. */
export interface Exchange {
  /** Rejects with `unavailable` or `deadline_exceeded`, or `canceled` by the signal. */
  send(address: string, outgoing: Outgoing): Promise<Answer>
  close(): void
}

/** Makes requests; with `tls`, over TLS. */
export function createExchange(tls: EtcdV2TlsOptions | boolean): Exchange {
  const secure = tls !== false
  const agent = secure ? new HttpsAgent({ keepAlive: true, ...(tls === true ? {} : trimmed(tls)) }) : new HttpAgent({ keepAlive: true })
  const request = secure ? httpsRequest : httpRequest
  let closed = false

  function once(address: string, outgoing: Outgoing): Promise<Answer> {
    const { method, path, body, timeout, idle = timeout, signal, background = false } = outgoing
    const { host, port } = parseAddress(address)
    const form =
      body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(body) }
    return new Promise((resolve, reject) => {
      let head: IncomingMessage | undefined
      const sent = request({ agent, host, port, method, path, headers: { ...outgoing.headers, ...form }, ...(signal && { signal }) })
      const expire = (): void => {
        if (head !== undefined && outgoing.onHead !== undefined) resolve(toAnswer(head, undefined))
        reject(new RpcError('deadline_exceeded', `${address}: no answer for ${Math.round(timeout)} ms`))
        sent.destroy()
      }
      let timer = limit(expire, timeout, background)
      const fail = (error: NodeJS.ErrnoException): void => {
        clearTimeout(timer)
        const stale = sent.reusedSocket && head === undefined
        const text = `${address}: ${error.message || error.code}`
        reject(signal?.aborted ? new RpcError('canceled', text) : new RpcError('unavailable', text, { cause: error, unprocessed: stale }))
      }
      sent.on('error', fail)
      if (background) sent.once('socket', (socket) => socket.unref())
      sent.once('response', (response) => {
        head = response
        clearTimeout(timer)
        timer = limit(expire, idle, background)
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk
        })
        response.on('error', fail)
        response.once('end', () => {
          clearTimeout(timer)
          resolve(toAnswer(response, text))
        })
        outgoing.onHead?.(toAnswer(response, undefined))
      })
      sent.end(body)
    })
  }

  return {
    async send(address, outgoing) {
      try {
        return await once(address, outgoing)
      } catch (error) {
        // The connection was kept from before, and etcd has closed it meanwhile.
        if (error instanceof RpcError && error.unprocessed && !closed) return await once(address, outgoing)
        throw error
      }
    },
    close() {
      closed = true
      agent.destroy()
    },
  }
}

function toAnswer({ statusCode = 0, headers }: IncomingMessage, body: string | undefined): Answer {
  return { status: statusCode, headers, body }
}

function limit(expire: () => void, ms: number, background: boolean): NodeJS.Timeout {
  const timer = setTimeout(expire, ms)
  return background ? timer.unref() : timer
}

/** Without what is undefined, which Node would take for a value. */
function trimmed(tls: EtcdV2TlsOptions): object {
  return Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined))
}
