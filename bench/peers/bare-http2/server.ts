import { readFileSync } from 'node:fs'
import { createSecureServer, createServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { Greeter } from '../../../examples/gen/hello_pb.ts'
import type { Hello } from '../../harness/load.ts'
import { answer, serving, setup } from '../../harness/peer.ts'
import { definition } from '../grpc-js/contract.ts'

const hello = definition<Hello, Hello>(Greeter.method.hello)
const { tls } = setup
const server = tls ? createSecureServer({ key: readFileSync(tls.key), cert: readFileSync(tls.cert) }) : createServer()
server.on('stream', (stream: ServerHttp2Stream) => {
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  stream.on('end', () => {
    const request = hello.requestDeserialize(Buffer.concat(chunks).subarray(5))
    const message = hello.responseSerialize(answer(request))
    const head = Buffer.alloc(5)
    head.writeUInt32BE(message.length, 1)
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.end(Buffer.concat([head, message]))
  })
})
server.listen(0, '127.0.0.1', () => serving(`${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`))
