import { readFileSync } from 'node:fs'
import { createServer, type Server } from '../../src/index.ts'
import { memory } from '../../src/registries/memory.ts'
import { type GrpcTlsOptions, grpc } from '../../src/transports/grpc.ts'
import { Echo } from '../gen/echo_pb.ts'
import { echoHandlers } from '../support/echo.ts'
import { sample } from './sample.ts'

/** Servers in plain text and over TLS whose connections grow old soon. Says where they listen, and what it holds whenever asked; ends when its parent does. */
const [cert = '', key = ''] = process.argv.slice(2)
const slow = (signal: AbortSignal | undefined): Promise<never> =>
  new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))

async function start(tls?: GrpcTlsOptions): Promise<Server> {
  const server = { maxAge: 5000, maxAgeGrace: 5000, idleTimeout: 5000 }
  const changes = { once: (_: unknown, { signal }: { signal?: AbortSignal | undefined }) => slow(signal) }
  return createServer({ name: 'soak', registry: memory(), address: '127.0.0.1:0', signals: false, transport: grpc({ tls, server }) })
    .handle(Echo, echoHandlers('soak', changes))
    .start()
}

const servers = await Promise.all([start(), start({ cert: readFileSync(cert), key: readFileSync(key) })])
const begun = performance.now()
process.on('message', () => process.send?.(sample(begun)))
process.on('disconnect', () => process.exit())
process.send?.(servers.map(({ address }) => address))
