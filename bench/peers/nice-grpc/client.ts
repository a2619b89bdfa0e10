import { createChannel, createClient } from 'nice-grpc'
import { request } from '../../harness/load.ts'
import { calling, setup } from '../../harness/peer.ts'
import { contract } from './contract.ts'

const client = createClient(contract, createChannel(setup.address))

await calling(() => ({ hello: () => client.hello(request) }))
