import 'reflect-metadata'
import { ClientProxyFactory, Transport } from '@nestjs/microservices'
import { firstValueFrom } from 'rxjs'
import { calling, type Hello, request, serverAddress } from '../../harness/peer.ts'

const client = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port: Number(serverAddress()) } })
await client.connect()

await calling(() => firstValueFrom(client.send<Hello, Hello>('hello', request)))
