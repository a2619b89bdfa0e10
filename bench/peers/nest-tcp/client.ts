import 'reflect-metadata'
import { ClientProxyFactory, Transport } from '@nestjs/microservices'
import { firstValueFrom } from 'rxjs'
import { type Hello, request } from '../../harness/load.ts'
import { calling, setup } from '../../harness/peer.ts'

await calling(async () => {
  const client = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port: Number(setup.address) } })
  await client.connect()
  return { hello: () => firstValueFrom(client.send<Hello, Hello>('hello', request)) }
})
