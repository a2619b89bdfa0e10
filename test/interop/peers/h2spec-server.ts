/** A server without methods: h2spec is after HTTP/2, not after gRPC. Arguments: certificate and key, for TLS. */
import { readFileSync } from 'node:fs'
import { grpc } from '../../../src/transports/grpc.ts'

const [cert, key] = process.argv.slice(2).map((file) => readFileSync(file, 'utf8'))
// h2spec opens one stream more than are allowed, one by one.
const transport = grpc({ maxConcurrentStreams: 100, ...(cert !== undefined && key !== undefined && { tls: { cert, key } }) })
const listener = await transport.listen(() => undefined, { address: '127.0.0.1:0' })
console.log(listener.address)
