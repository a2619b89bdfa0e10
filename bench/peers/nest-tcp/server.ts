import 'reflect-metadata'
import { readFileSync } from 'node:fs'
import { Controller, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { MessagePattern, Payload, Transport } from '@nestjs/microservices'
import type { Hello } from '../../harness/load.ts'
import { answer, freePort, serving, setup } from '../../harness/peer.ts'

class Greeter {
  async hello(request: Hello): Promise<Hello> {
    return answer(request)
  }
}
class App {}

// Decorators by hand: TypeScript's syntax for them cannot be stripped.
Controller()(Greeter)
Payload()(Greeter.prototype, 'hello', 0)
MessagePattern('hello')(Greeter.prototype, 'hello', Object.getOwnPropertyDescriptor(Greeter.prototype, 'hello') ?? {})
Module({ controllers: [Greeter] })(App)

const port = await freePort()
const { tls } = setup
const security = tls && { tlsOptions: { key: readFileSync(tls.key, 'utf8'), cert: readFileSync(tls.cert, 'utf8') } }
const options = { host: '127.0.0.1', port, ...security }
const app = await NestFactory.createMicroservice(App, { transport: Transport.TCP, options, logger: false })
await app.listen()
serving(String(port))
