import 'reflect-metadata'
import { type ClientGrpc, ClientProxyFactory, Transport } from '@nestjs/microservices'
import { firstValueFrom, type Observable } from 'rxjs'
import { type Hello, request } from '../../harness/load.ts'
import { calling, setup } from '../../harness/peer.ts'

const protoPath = new URL('../../../proto/hello.proto', import.meta.url).pathname
const client = ClientProxyFactory.create({ transport: Transport.GRPC, options: { url: setup.address, package: 'hello', protoPath } })
const greeter = (client as unknown as ClientGrpc).getService<{ hello(request: Hello): Observable<Hello> }>('Greeter')

await calling(() => ({ hello: () => firstValueFrom(greeter.hello(request)) }))
