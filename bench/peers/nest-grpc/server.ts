import 'reflect-metadata'
import { Controller, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { GrpcMethod, Transport } from '@nestjs/microservices'
import type { Hello } from '../../harness/load.ts'
import { answer, freePort, serving } from '../../harness/peer.ts'

class Greeter {
  async hello(request: Hello): Promise<Hello> {
    return answer(request)
  }
}
class App {}

// Decorators by hand: TypeScript's syntax for them cannot be stripped.
Controller()(Greeter)
GrpcMethod('Greeter', 'Hello')(Greeter.prototype, 'hello', Object.getOwnPropertyDescriptor(Greeter.prototype, 'hello') ?? {})
Module({ controllers: [Greeter] })(App)

const url = `127.0.0.1:${await freePort()}`
const protoPath = new URL('../../../proto/hello.proto', import.meta.url).pathname
const app = await NestFactory.createMicroservice(App, {
  transport: Transport.GRPC,
  options: { url, package: 'hello', protoPath },
  logger: false,
})
await app.listen()
serving(url)
