import { describe, expect, it } from 'vitest'
import type { Endpoint } from '../../src/endpoint.ts'
import { RpcError } from '../../src/error.ts'
import { Headers } from '../../src/headers.ts'
import { transportSuite } from '../../src/testing/transport.ts'
import type { Connection, Transport } from '../../src/transport.ts'
import { grpc } from '../../src/transports/grpc.ts'

/** gRPC whose calls are made another way. */
function spoilt(call: (connection: Connection) => Endpoint): Transport {
  const transport = grpc()
  return {
    ...transport,
    dial(address, options) {
      const connection = transport.dial(address, options)
      return {
        address,
        get state() {
          return connection.state
        },
        call: call(connection),
        close: (how) => connection.close(how),
      }
    },
  }
}

/** What a transport fails a case with; undefined where it passes. */
async function outcome(name: string, call: (connection: Connection) => Endpoint): Promise<Error | undefined> {
  const found = transportSuite({ create: () => spoilt(call) }).find((one) => one.name === name)
  expect(found, name).toBeDefined()
  return found?.run().then(
    () => undefined,
    (error: Error) => error,
  )
}

describe('transportSuite', () => {
  it.each<[string, (connection: Connection) => Endpoint, string]>([
    [
      'loses metadata',
      (to) => (request, context) => to.call(request, { ...context, headers: new Headers() }),
      'carries metadata both ways',
    ],
    [
      'loses deadlines',
      (to) => (request, context) => to.call(request, { ...context, deadline: undefined }),
      'tells the handler the deadline',
    ],
    [
      'makes every error its own',
      (to) => (request, context) =>
        to.call(request, context).catch(({ message }) => Promise.reject(new RpcError('unknown', message))) as never,
      'carries code, message, details and metadata of an error',
    ],
    [
      'mixes answers up',
      (to) => (request, context) => to.call(context.method.name === 'Say' ? ({ text: '7' } as never) : request, context),
      'answers many calls at once, each with its own answer',
    ],
  ])('notices a transport that %s', async (_, call, name) => {
    expect(await outcome(name, call)).toBeInstanceOf(Error)
  })

  it('lets a transport without sockets end, which never waits for anything', async () => {
    const inProcess = (to: Connection): Endpoint => {
      let open = false
      return async (request, context) => {
        if (!open) await to.call(request, context)
        open = true
        if (to.state !== 'ready') throw new RpcError('unavailable', 'gone', { unprocessed: true, outbound: true })
        return request as never
      }
    }
    expect(await outcome('loses no call when it stops under load', inProcess)).toBeUndefined()
  })
})
