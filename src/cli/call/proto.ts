import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import protobuf from 'protobufjs'
import protojson from 'protobufjs/ext/protojson.js'
import type { Codec } from '../../codec.ts'
import type { Kind, Method } from '../../service.ts'
import { exitCodes, failure } from '../exit.ts'
import { asJson } from './method.ts'

/**
 * A method of a `.proto` file by its name: `package.Service/Method`, `Service.Method`, or `Method` where only one service has it. Its messages
 * are protobuf on the wire and protobuf's JSON here. Fails as wrong usage for a file that cannot be read.
 */
export async function protoMethod(file: string, directories: readonly string[], name: string): Promise<Method> {
  const root = await load(file, directories)
  const all = servicesOf(root).flatMap((service) => service.methodsArray.map((method) => ({ service, method })))
  const wanted = name.replace(/^\//, '').replace('/', '.')
  const found = all.filter(({ service, method }) => `.${fullName(service)}.${method.name}`.endsWith(`.${wanted}`))
  const list = (some: typeof all): string => some.map(({ service, method }) => `${fullName(service)}/${method.name}`).join(', ')
  if (found.length > 1) throw failure(exitCodes.usage, `${file} has more than one ${name}: ${list(found)}`)
  if (found[0] === undefined) {
    const there = all.length === 0 ? 'no services' : list(all)
    throw failure(exitCodes.notFound, `not_found: ${file} has no method ${name}; it has ${there}`)
  }
  const { service, method } = found[0]
  return {
    service: fullName(service),
    name: method.name,
    path: `/${fullName(service)}/${method.name}`,
    kind: kindOf(method),
    input: codecOf(method.resolvedRequestType),
    output: codecOf(method.resolvedResponseType),
    codecs: { json: asJson },
    idempotent: ['NO_SIDE_EFFECTS', 'IDEMPOTENT'].includes(method.options?.idempotency_level),
  }
}

async function load(file: string, directories: readonly string[]): Promise<protobuf.Root> {
  const root = new protobuf.Root()
  root.resolvePath = (origin, target) => {
    const places = origin === '' ? ['.'] : [dirname(origin), ...directories, '.']
    // Where nobody has it, the name stays as it is: protobufjs brings google/protobuf/*.proto.
    return places.map((place) => resolve(place, target)).find(existsSync) ?? target
  }
  try {
    await root.load(file)
    root.resolveAll()
    return root
  } catch (cause) {
    throw failure(
      exitCodes.usage,
      `--proto ${file}: ${(cause as Error).message}`,
      'Imports are looked for beside the file and in each -I <directory>',
    )
  }
}

function servicesOf(space: protobuf.NamespaceBase): readonly protobuf.Service[] {
  return space.nestedArray.flatMap((one) =>
    one instanceof protobuf.Service ? [one] : one instanceof protobuf.Namespace && !(one instanceof protobuf.Type) ? servicesOf(one) : [],
  )
}

function fullName(one: protobuf.ReflectionObject): string {
  return one.fullName.replace(/^\./, '')
}

function kindOf({ requestStream, responseStream }: protobuf.Method): Kind {
  if (requestStream) return responseStream ? 'bidi' : 'clientStream'
  return responseStream ? 'serverStream' : 'unary'
}

function codecOf(type: protobuf.Type | null): Codec {
  if (type === null) throw failure(exitCodes.usage, '--proto: a message type of the method is not known')
  return {
    name: 'proto',
    encode(json) {
      try {
        return type.encode(protojson.fromJson(type, json)).finish()
      } catch (cause) {
        const { message } = cause as Error
        throw failure(exitCodes.usage, `request: ${message.startsWith('.') ? message.slice(1) : `${fullName(type)}: ${message}`}`)
      }
    },
    // A copy, because `bytes` fields go on pointing into what they were read from.
    decode: (bytes) => protojson.toJson(type, type.decode(Uint8Array.prototype.slice.call(bytes))),
  }
}
