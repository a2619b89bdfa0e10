import { defineService, serverStream, unary } from '../../../src/index.ts'
import { etcd } from '../../../src/registries/etcd.ts'
import type { Registry } from '../../../src/registry.ts'
import { between } from './program.ts'

/** The name that the programs of go-micro register under. */
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

/** A version of go-micro and its program, by folders. */
interface Version {
  readonly version: string
  readonly name: string
  readonly like?: string
  readonly tells: boolean
}

/**
 * The versions of go-micro that are run, the program of each, and whether its servers can tell errors and the end of a stream over
 * mucp in protobuf. The other difference is in the programs: over gRPC, version 5 finds metadata by names in lower case only.
 */
export const versions: readonly Version[] = [
  { version: '2.9.1', name: 'go-micro-v2', tells: false },
  { version: '3.7.1', name: 'go-micro-v3', like: 'go-micro-v2', tells: true },
  { version: '4.11.0', name: 'go-micro-v4', like: 'go-micro-v2', tells: true },
  { version: '5.12.0', name: 'go-micro-v5', tells: true },
]

/** Programs of one version of go-micro and the registry that they share with ours. */
export function fleet({ name, like }: Version): Omit<ReturnType<typeof between>, 'etcd'> & { registry(): Registry } {
  const { etcd: server, ...programs } = between(name, { like })
  return { ...programs, registry: () => etcd({ endpoints: [server().address] }) }
}
