import 'reflect-metadata'
import { type ClientGrpc, ClientProxyFactory, Transport } from '@nestjs/microservices'
import { firstValueFrom, type Observable } from 'rxjs'
import { calling, type Hello, request, serverAddress } from '../../harness/peer.ts'

const protoPath = new URL('../../../proto/hello.proto', import.meta.url).pathname
const client = ClientProxyFactory.create({ transport: Transport.GRPC, options: { url: serverAddress(), package: 'hello', protoPath } })
const greeter = (client as unknown as ClientGrpc).getService<{ hello(request: Hello): Observable<Hello> }>('Greeter')

await calling(() => firstValueFrom(greeter.hello(request)))
