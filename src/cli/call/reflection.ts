import { createFileRegistry, type FileRegistry, fromBinary } from '@bufbuild/protobuf'
import { type DescriptorProto, type FileDescriptorProto, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { RpcError } from '../../error.ts'
import {
  ServerReflection,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from '../../gen/grpc/reflection/v1/reflection_pb.ts'
import { ServerReflection as ServerReflectionAlpha } from '../../gen/grpc/reflection/v1alpha/reflection_pb.ts'
import { type CallOptions, type Channel, createClient } from '../../index.ts'
import type { Method } from '../../service.ts'
import { exitCodes, failure } from '../exit.ts'
import { methodOfDescriptor } from './descriptor.ts'

type Question = ServerReflectionRequest['messageRequest']
type Answer = ServerReflectionResponse['messageResponse']
type Ask = (question: Question) => Promise<Answer>

/**
 * A method by its name, as in `--proto`, from what the server tells of itself by gRPC's reflection; undefined where it does not, or does not know
 * the method. Its messages are protobuf on the wire and protobuf's JSON here. Fails as wrong usage for a name that several methods have.
 */
export async function reflectedMethod(channel: Channel, name: string, options: CallOptions): Promise<Method | undefined> {
  for (const contract of [ServerReflection, ServerReflectionAlpha] as const) {
    const ask = asking(contract as typeof ServerReflection, channel, options)
    try {
      const found = await find(ask, name.replace(/^\//, '').replace('/', '.'))
      if (found.length > 1)
        throw failure(exitCodes.usage, `the server has more than one ${name}: ${found.map(({ path }) => path.slice(1)).join(', ')}`)
      return found[0]
    } catch (thrown) {
      // Whatever else is wrong, the call itself will say it.
      if (!(thrown instanceof RpcError)) throw thrown
      if (thrown.code !== 'unimplemented') return undefined
    }
  }
  return undefined
}

async function find(ask: Ask, wanted: string): Promise<readonly Method[]> {
  const answer = await ask({ case: 'listServices', value: '' })
  const names = answer.case === 'listServicesResponse' ? answer.value.service.map(({ name }) => name) : []
  const contract = wanted.slice(0, wanted.lastIndexOf('.') + 1)
  // What tells of the server itself is meant only where it is named.
  const likely = names.filter((name) => (contract === '' ? !name.startsWith('grpc.') : `.${name}.`.endsWith(`.${contract}`)))
  const found: Method[] = []
  for (const service of likely) {
    const registry = await filesOf(ask, service)
    for (const method of registry.getService(service)?.methods ?? []) {
      if (`.${service}.${method.name}`.endsWith(`.${wanted}`)) found.push(methodOfDescriptor(method, registry))
    }
  }
  return found
}

/** The file that defines a service and all it imports: some servers send those with it, some have to be asked for each. */
async function filesOf(ask: Ask, service: string): Promise<FileRegistry> {
  const files = new Map<string, FileDescriptorProto>()
  const main = take(await ask({ case: 'fileContainingSymbol', value: service }), files)
  for (;;) {
    const imports = new Set([...files.values()].flatMap(({ dependency }) => dependency))
    const missing = [...imports].filter((name) => !files.has(name))
    if (missing.length === 0) return createFileRegistry(main, (name) => files.get(name))
    for (const name of missing) if (!files.has(name)) files.set(name, take(await ask({ case: 'fileByFilename', value: name }), files))
  }
}

/** Keeps the files of an answer; returns the first, which is the one that was asked for. */
function take(answer: Answer, files: Map<string, FileDescriptorProto>): FileDescriptorProto {
  const bytes = answer.case === 'fileDescriptorResponse' ? answer.value.fileDescriptorProto : []
  const all = bytes.map((one) => fromBinary(FileDescriptorProtoSchema, one))
  for (const file of all) {
    file.messageType.forEach(nameFields)
    files.set(file.name, file)
  }
  const [first] = all
  if (first === undefined) throw new RpcError('not_found', 'the server does not know a file of its own')
  return first
}

/** Compilers write the JSON names of fields into descriptors, but a server need not have kept them. */
function nameFields({ field, extension, nestedType }: DescriptorProto): void {
  for (const one of [...field, ...extension]) one.jsonName ||= one.name.replace(/_+(.?)/g, (_, next: string) => next.toUpperCase())
  nestedType.forEach(nameFields)
}

function asking(contract: typeof ServerReflection, channel: Channel, options: CallOptions): Ask {
  const client = createClient(contract, { channel, retry: false })
  return async (messageRequest) => {
    for await (const { messageResponse } of client.serverReflectionInfo([{ messageRequest }], options)) return messageResponse
    throw new RpcError('internal', 'reflection ended without an answer')
  }
}
