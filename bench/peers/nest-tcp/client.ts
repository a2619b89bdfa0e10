import 'reflect-metadata'
import { readFileSync } from 'node:fs'
import { ClientProxyFactory, Transport } from '@nestjs/microservices'
import { firstValueFrom } from 'rxjs'
import { type Hello, request } from '../../harness/load.ts'
import { calling, setup } from '../../harness/peer.ts'

await calling(async () => {
  const security = setup.tls && { tlsOptions: { ca: readFileSync(setup.tls.ca) } }
  const options = { host: '127.0.0.1', port: Number(setup.address), ...security }
  const client = ClientProxyFactory.create({ transport: Transport.TCP, options })
  await client.connect()
  return { hello: () => firstValueFrom(client.send<Hello, Hello>('hello', request)) }
})
