import {
  create,
  createRegistry,
  type DescField,
  type DescFile,
  type DescMessage,
  type DescMethod,
  type DescService,
  fromBinary,
  fromJsonString,
  isMessage,
  type Message,
  type Registry,
  toBinary,
  toJsonString,
} from '@bufbuild/protobuf'
import type { Codec } from '../codec.ts'
import { RpcError } from '../error.ts'
import type { ValueInfo } from '../registry.ts'
import { endpointInfo, type Kind, type Method, type Service, type ServiceShape } from '../service.ts'
import { bound } from './protobuf/bound.ts'
import { compiled } from './protobuf/compile.ts'
import { copied, keep } from './protobuf/reading.ts'

const kinds: Record<DescMethod['methodKind'], Kind> = {
  unary: 'unary',
  client_streaming: 'clientStream',
  server_streaming: 'serverStream',
  bidi_streaming: 'bidi',
}

const services = new WeakMap<DescService, Service>()
const descriptors = new WeakMap<Service, DescService>()

/** The contract that protobuf-es generated from a `.proto` service. The same descriptor gives the same object. */
export function protobufService<S extends ServiceShape>(descriptor: DescService): Service<S> {
  let service = services.get(descriptor)
  if (service === undefined) {
    const methods = descriptor.methods.map((method) => [method.localName, toMethod(method)] as const)
    service = { name: descriptor.typeName, methods: Object.fromEntries(methods) }
    services.set(descriptor, service)
    descriptors.set(service, descriptor)
  }
  return service as Service<S>
}

/** The descriptor that a contract was made from, if it was made by {@link protobufService}. */
export function descriptorOf(service: Service): DescService | undefined {
  return descriptors.get(service)
}

function toMethod(method: DescMethod): Method {
  const service = method.parent.typeName
  const kind = kinds[method.methodKind]
  return {
    service,
    name: method.name,
    path: `/${service}/${method.name}`,
    kind,
    input: protobuf(method.input),
    output: protobuf(method.output),
    idempotent: method.idempotency !== 0,
    noSideEffects: method.idempotency === 1,
    codecs: { json: { input: protobufJson(method.input), output: protobufJson(method.output) } },
    info: { ...endpointInfo(service, method.name, kind), request: valueInfo(method.input), response: valueInfo(method.output) },
  }
}

/** What messages are written into by {@link Codec.encode}, and the longest that are. */
const scratch = Buffer.allocUnsafeSlow(65_536)
let scratchTaken = false

/**
 * Protobuf's binary format. Encoding also takes init objects, as protobuf-es's `create` does. Every message type gets functions of its
 * own, compiled when they are first used; what they do not do, and everything where code cannot be made from strings, protobuf-es does.
 */
export function protobuf(schema: DescMessage): Codec<Message> {
  const type = compiled(schema)
  const encode = (message: unknown): Uint8Array => checked(schema, () => toBinary(schema, full(schema, message)))
  // A copy, because the `bytes` and unknown fields of the message go on pointing into what they were read from.
  const decode = (bytes: Uint8Array): Message => checked(schema, () => fromBinary(schema, new Uint8Array(bytes)))
  if (type === undefined) return { name: 'proto', encode, decode }

  function write(message: unknown, to: Buffer, at: number, end: number): number {
    if (typeof message !== 'object' || message === null) return -1
    try {
      return type?.write(message, to, at, end) ?? -1
    } catch {
      // A getter, or what is no message at all: protobuf-es tells.
      return -1
    }
  }

  /** Writes what does not fit the scratch buffer into memory of its own; undefined for what is not written here at all. */
  function large(message: unknown, lend: (bytes: number) => Buffer): Uint8Array | undefined {
    const size = bound(message as object)
    if (size <= scratch.length) return undefined
    const bytes = lend(size)
    const end = write(message, bytes, 0, size)
    if (end < 0) return undefined
    return end * 2 < size ? copied(bytes, 0, end) : new Uint8Array(bytes.buffer, bytes.byteOffset, end)
  }

  function read(from: Buffer, start: number, end: number, own = false): Message {
    keep(own)
    return type?.read(from, start, end, 1) ?? decode(from.subarray(start, end))
  }

  return {
    name: 'proto',
    encode(message, lend = Buffer.allocUnsafeSlow) {
      // Taken while a getter of another message encodes this one.
      if (scratchTaken) return encode(message)
      scratchTaken = true
      const end = write(message, scratch, 0, scratch.length)
      scratchTaken = false
      return end < 0 ? (large(message, lend) ?? encode(message)) : copied(scratch, 0, end)
    },
    decode: (bytes) => read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, bytes.byteLength),
    write,
    read,
  }
}

/**
 * Protobuf's JSON format, which lets callers without the contract speak to its server. A `google.protobuf.Any` and extensions may be of any type
 * that the message's file defines or imports.
 */
export function protobufJson(schema: DescMessage): Codec<Message> {
  return {
    name: 'json',
    encode: (message) =>
      checked(schema, () => Buffer.from(toJsonString(schema, full(schema, message), { registry: typesOf(schema.file) }))),
    decode: (bytes) =>
      checked(schema, () =>
        fromJsonString(schema, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString() || '{}', {
          ignoreUnknownFields: true,
          registry: typesOf(schema.file),
        }),
      ),
  }
}

const types = new WeakMap<DescFile, Registry>()

/** The types that a file defines or imports, directly or not. */
function typesOf(file: DescFile): Registry {
  let registry = types.get(file)
  if (registry === undefined) {
    const files = new Set<DescFile>([file])
    for (const one of files) for (const imported of one.dependencies) files.add(imported)
    registry = createRegistry(...files)
    types.set(file, registry)
  }
  return registry
}

function full(schema: DescMessage, message: unknown): Message {
  if (isMessage(message, schema)) return message
  if (typeof message !== 'object' || message === null)
    throw new RpcError('invalid_argument', `${schema.typeName}: expected an object, got ${message === null ? 'null' : typeof message}`)
  return create(schema, message as Record<string, unknown>)
}

function checked<T>(schema: DescMessage, convert: () => T): T {
  try {
    return convert()
  } catch (cause) {
    if (cause instanceof RpcError) throw cause
    throw new RpcError('invalid_argument', `${schema.typeName}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}

/** go-micro advertises messages three levels deep. */
const depth = 3

function valueInfo(schema: DescMessage): ValueInfo {
  return { name: schema.name, type: schema.name, values: fields(schema, 1) }
}

function fields(schema: DescMessage, level: number): ValueInfo[] {
  return schema.fields.map((field) => {
    const base = { name: field.name, type: typeName(field) }
    const nested = field.message
    return nested !== undefined && level < depth ? { ...base, values: fields(nested, level + 1) } : base
  })
}

function typeName(field: DescField): string {
  const one = field.message?.name ?? field.enum?.name ?? scalars[field.scalar ?? 0] ?? 'bytes'
  return field.fieldKind === 'list' ? `[]${one}` : field.fieldKind === 'map' ? `map[${scalars[field.mapKey]}]${one}` : one
}

/** Go's names of protobuf's scalar types, by descriptor number. */
const scalars: Readonly<Record<number, string>> = {
  1: 'float64', 2: 'float32', 3: 'int64', 4: 'uint64', 5: 'int32', 6: 'uint64', 7: 'uint32', 8: 'bool', 9: 'string',
  12: '[]uint8', 13: 'uint32', 15: 'int32', 16: 'int64', 17: 'int32', 18: 'int64',
} // biome-ignore format: a table
