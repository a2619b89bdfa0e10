import { connect } from 'node:http2'
import { calling, type Hello, request, serverAddress } from '../../harness/peer.ts'
import { create, HelloRequestSchema, hello } from '../grpc-js/contract.ts'

const session = connect(serverAddress())

await calling(
  () =>
    new Promise<Hello>((resolve, reject) => {
      const stream = session.request({ ':method': 'POST', ':path': hello.path, 'content-type': 'application/grpc', te: 'trailers' })
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('error', reject)
      stream.on('end', () => resolve(hello.responseDeserialize(Buffer.concat(chunks).subarray(5))))
      const message = hello.requestSerialize(create(HelloRequestSchema, request))
      const head = Buffer.alloc(5)
      head.writeUInt32BE(message.length, 1)
      stream.end(Buffer.concat([head, message]))
    }),
)
