import { descriptorOf, protobufService } from '../codecs/protobuf.ts'
import { codeToNumber } from '../error.ts'
import { ServerReflection, type ServerReflectionRequest } from '../gen/grpc/reflection/v1/reflection_pb.ts'
import { ServerReflection as ServerReflectionAlpha } from '../gen/grpc/reflection/v1alpha/reflection_pb.ts'
import type { StandardService } from '../standard.ts'
import { type FileIndex, indexFiles } from './reflection/files.ts'

/**
 * Lets tools such as grpcurl, and `beckon call`, call a server without its `.proto` files: `grpc.reflection.v1` and `v1alpha`. It tells of the
 * contracts that came from `.proto`; those of `defineService` have no descriptors. Protocol: https://github.com/grpc/grpc/blob/master/doc/server-reflection.md
 *
 * @example createServer({ name: 'hello.srv.say', registry, services: [reflection()] })
 */
export function reflection(): StandardService {
  return (server) => {
    let index: FileIndex | undefined
    // Made when somebody asks: most servers are never asked.
    const files = (): FileIndex => {
      index ??= indexFiles(server.services.flatMap((service) => descriptorOf(service) ?? []))
      return index
    }
    const handlers = {
      async *serverReflectionInfo(requests: AsyncIterable<ServerReflectionRequest>) {
        const sent = new Set<string>()
        for await (const request of requests) yield response(request, answer(files(), request, sent))
      },
    }
    return [ServerReflection, ServerReflectionAlpha].map((contract) => ({ service: protobufService(contract), handlers }))
  }
}

type Question = ServerReflectionRequest['messageRequest']

interface Response {
  readonly validHost: string
  readonly originalRequest: { readonly host: string; readonly messageRequest: Question }
  readonly messageResponse: object
}

/** An init object: it has to suit the messages of both versions. */
function response({ host, messageRequest }: ServerReflectionRequest, messageResponse: object): Response {
  return { validHost: host, originalRequest: { host, messageRequest }, messageResponse }
}

function answer(files: FileIndex, { messageRequest: { case: kind, value } }: ServerReflectionRequest, sent: Set<string>): object {
  switch (kind) {
    case 'listServices':
      return { case: 'listServicesResponse', value: { service: files.services.map((name) => ({ name })) } }
    case 'fileByFilename':
      return fileResponse(files.file(value), value)
    case 'fileContainingSymbol':
      return fileResponse(files.symbol(value), value)
    case 'fileContainingExtension':
      return fileResponse(files.extension(value.containingType, value.extensionNumber), `${value.containingType} ${value.extensionNumber}`)
    case 'allExtensionNumbersOfType': {
      const extensionNumber = files.extensions(value)
      if (extensionNumber === undefined) return notFound(value)
      return { case: 'allExtensionNumbersResponse', value: { baseTypeName: value, extensionNumber } }
    }
    default:
      return failure('invalid_argument', 'the request asks for nothing that is known here')
  }

  /** The file, and those it imports as far as they have not been sent on this stream. */
  function fileResponse(name: string | undefined, wanted: string): object {
    if (name === undefined) return notFound(wanted)
    const before = new Set(sent)
    const all = files.withImports(name).filter((one) => one === name || !before.has(one))
    for (const one of all) sent.add(one)
    return { case: 'fileDescriptorResponse', value: { fileDescriptorProto: all.map((one) => files.bytes(one)) } }
  }
}

function notFound(wanted: string): object {
  return failure('not_found', `"${wanted}" is not known here`)
}

function failure(code: 'not_found' | 'invalid_argument', errorMessage: string): object {
  return { case: 'errorResponse', value: { errorCode: codeToNumber(code), errorMessage } }
}
