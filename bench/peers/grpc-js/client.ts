import { Client, credentials } from '@grpc/grpc-js'
import { calling, request, serverAddress } from '../../harness/peer.ts'
import { create, HelloRequestSchema, type HelloResponse, hello } from './contract.ts'

const client = new Client(serverAddress(), credentials.createInsecure())

await calling(
  () =>
    new Promise<HelloResponse>((resolve, reject) => {
      const { path, requestSerialize, responseDeserialize } = hello
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, create(HelloRequestSchema, request), (error, response) => {
        if (error || response === undefined) reject(error)
        else resolve(response)
      })
    }),
)
