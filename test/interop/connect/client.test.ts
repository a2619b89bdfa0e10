import { Code, type CallOptions as ConnectCallOptions, ConnectError, createClient, type Interceptor } from '@connectrpc/connect'
import { createConnectTransport } from '@connectrpc/connect-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RpcError, type Server } from '../../../src/index.ts'
import { grpc } from '../../../src/transports/grpc.ts'
import { Echo } from '../../gen/echo_pb.ts'
import { startEcho } from '../../support/echo.ts'

let server: Server

beforeAll(async () => {
  server = await startEcho({
    transport: grpc(),
    changes: {
      unary({ text, payload, count }, { headers, replyHeaders, replyTrailers, signal }) {
        replyHeaders?.set('x-header', headers.get('x-tenant') ?? 'none')
        replyTrailers?.set('x-trailer', 'bye')
        if (text === 'fail') {
          const details = [{ type: 'beckon.test.EchoMessage', value: new Uint8Array([10, 1, 97]) }]
          throw new RpcError('failed_precondition', 'not like this ä', { details, metadata: [['x-why', 'because']] })
        }
        if (text === 'hang') return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
        return { text, payload, count }
      },
    },
  })
})
afterAll(() => server?.close())

describe.each([
  ['JSON', false],
  ['protobuf', true],
])('connect-es over HTTP/1.1 with %s', (_, useBinaryFormat) => {
  const clientOf = (interceptors: Interceptor[] = []): ReturnType<typeof createClient<typeof Echo>> =>
    createClient(Echo, createConnectTransport({ baseUrl: `http://${server.address}`, httpVersion: '1.1', useBinaryFormat, interceptors }))

  it('calls and is answered', async () => {
    const payload = new Uint8Array(100_000).map((_one, index) => index)
    expect(await clientOf().unary({ text: 'ä', payload, count: -1 })).toMatchObject({ text: 'ä', payload, count: -1 })
    expect(await clientOf().unary({})).toMatchObject({ text: '', count: 0 })
  })

  it('sends metadata and gets headers and trailers', async () => {
    const seen: Record<string, string | null> = {}
    const options: ConnectCallOptions = {
      headers: { 'x-tenant': 'blue' },
      onHeader: (headers) => void Object.assign(seen, { header: headers.get('x-header') }),
      onTrailer: (trailers) => void Object.assign(seen, { trailer: trailers.get('x-trailer') }),
    }
    await clientOf().unary({}, options)
    expect(seen).toEqual({ header: 'blue', trailer: 'bye' })
  })

  it('gets errors with code, message, details and metadata', async () => {
    const error = ConnectError.from(
      await clientOf()
        .unary({ text: 'fail' })
        .catch((thrown: unknown) => thrown),
    )
    expect(error).toMatchObject({ code: Code.FailedPrecondition, rawMessage: 'not like this ä' })
    expect(error.details).toMatchObject([{ type: 'beckon.test.EchoMessage', value: new Uint8Array([10, 1, 97]) }])
    expect(error.metadata.get('x-why')).toBe('because')
    expect(error.metadata.get('x-trailer')).toBe('bye')
  })

  it('is held to its deadline, by the server too', async () => {
    // The client's own clock would end it as well: what matters is that both agree.
    await expect(clientOf().unary({ text: 'hang' }, { timeoutMs: 100 })).rejects.toMatchObject({ code: Code.DeadlineExceeded })
  })

  it('cannot call streams, and hears so', async () => {
    const read = async (): Promise<void> => {
      for await (const _one of clientOf().expand({ count: 2 }));
    }
    await expect(read()).rejects.toBeInstanceOf(ConnectError)
  })
})
