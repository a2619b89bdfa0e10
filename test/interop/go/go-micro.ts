import { defineService, serverStream, unary } from '../../../src/index.ts'
import { etcd } from '../../../src/registries/etcd.ts'
import type { Registry } from '../../../src/registry.ts'
import { between } from './program.ts'

/** The name that go-micro-v2/main.go registers under. */
export const service = 'hello.srv.say'

interface Message {
  readonly text?: string
  readonly count?: number
}

/** Its contract in plain TypeScript, which is JSON on the wire, and a method that it does not have. */
export const Plain = defineService('any.pkg.Echo', {
  unary: unary<Message, Message>(),
  once: unary<Message, Message>(),
  expand: serverStream<Message, Message>(),
  nope: unary<Message, Message>(),
})

/** Programs of go-micro and the registry that they share with ours. */
export function fleet(): Omit<ReturnType<typeof between>, 'etcd'> & { registry(): Registry } {
  const { etcd: server, ...programs } = between('go-micro-v2')
  return { ...programs, registry: () => etcd({ endpoints: [server().address] }) }
}
