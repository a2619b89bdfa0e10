import { readFileSync } from 'node:fs'
import { connect } from 'node:http2'
import { Greeter } from '../../../examples/gen/hello_pb.ts'
import { type Hello, request } from '../../harness/load.ts'
import { calling, setup } from '../../harness/peer.ts'
import { definition } from '../grpc-js/contract.ts'

const hello = definition<Hello, Hello>(Greeter.method.hello)

await calling(() => {
  const session = connect(setup.address, setup.tls && { ca: readFileSync(setup.tls.ca) })
  return {
    hello: () =>
      new Promise<Hello>((resolve, reject) => {
        const stream = session.request({ ':method': 'POST', ':path': hello.path, 'content-type': 'application/grpc', te: 'trailers' })
        const chunks: Buffer[] = []
        stream.on('data', (chunk: Buffer) => chunks.push(chunk))
        stream.on('error', reject)
        stream.on('end', () => resolve(hello.responseDeserialize(Buffer.concat(chunks).subarray(5))))
        const message = hello.requestSerialize(request)
        const head = Buffer.alloc(5)
        head.writeUInt32BE(message.length, 1)
        stream.end(Buffer.concat([head, message]))
      }),
  }
})
