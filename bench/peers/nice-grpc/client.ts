import { createChannel, createClient } from 'nice-grpc'
import { calling, request, serverAddress } from '../../harness/peer.ts'
import { create, HelloRequestSchema } from '../grpc-js/contract.ts'
import { definition } from './contract.ts'

const client = createClient(definition, createChannel(serverAddress()))

await calling(() => client.hello(create(HelloRequestSchema, request)))
