import { create, createFileRegistry, fromBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  ServerReflection,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from '../../src/gen/grpc/reflection/v1/reflection_pb.ts'
import { ServerReflection as Alpha } from '../../src/gen/grpc/reflection/v1alpha/reflection_pb.ts'
import { type Client, closeClient, createClient, type Server } from '../../src/index.ts'
import { reflection } from '../../src/services/reflection.ts'
import { startEcho } from '../support/echo.ts'

type Question = ServerReflectionRequest['messageRequest']

let server: Server
let client: Client<typeof ServerReflection>

beforeAll(async () => {
  server = await startEcho({ services: [reflection()] })
  client = createClient(ServerReflection, { addresses: [server.address] })
})
afterAll(async () => {
  await closeClient(client)
  await server.close()
})

async function ask(...questions: Question[]): Promise<ServerReflectionResponse['messageResponse'][]> {
  const answers: ServerReflectionResponse['messageResponse'][] = []
  const requests = (async function* () {
    for (const messageRequest of questions) yield { messageRequest }
  })()
  for await (const { messageResponse } of client.serverReflectionInfo(requests)) answers.push(messageResponse)
  return answers
}

function files(answer: ServerReflectionResponse['messageResponse'] | undefined): string[] {
  if (answer?.case !== 'fileDescriptorResponse') throw new Error(`not files: ${answer?.case}`)
  return answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name)
}

describe('reflection', () => {
  it('lists the services, its own included', async () => {
    const [answer] = await ask({ case: 'listServices', value: '' })
    expect(answer).toMatchObject({
      value: {
        service: [
          { name: 'beckon.test.Echo' },
          { name: 'grpc.reflection.v1.ServerReflection' },
          { name: 'grpc.reflection.v1alpha.ServerReflection' },
        ],
      },
    })
  })

  it.each([
    'beckon.test.Echo',
    'beckon.test.Echo.Unary',
    'beckon.test.EchoMessage',
    'beckon.test.EchoMessage.payload',
    '.beckon.test.Echo',
  ])('finds the file of %s, complete', async (value) => {
    const [answer] = await ask({ case: 'fileContainingSymbol', value })
    expect(files(answer)).toEqual(['echo.proto'])
    if (answer?.case !== 'fileDescriptorResponse') return
    const file = answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes))
    const registry = createFileRegistry(create(FileDescriptorSetSchema, { file }))
    expect(registry.getService('beckon.test.Echo')?.methods.map(({ name }) => name)).toEqual(['Unary', 'Once', 'Collect', 'Expand', 'Chat'])
  })

  it('finds files by their names, and tells what is not there', async () => {
    const [found, lost, unknown] = await ask(
      { case: 'fileByFilename', value: 'grpc/reflection/v1/reflection.proto' },
      { case: 'fileByFilename', value: 'lost.proto' },
      { case: 'fileContainingSymbol', value: 'lost.Service' },
    )
    expect(files(found)).toEqual(['grpc/reflection/v1/reflection.proto'])
    expect(lost).toMatchObject({ case: 'errorResponse', value: { errorCode: 5, errorMessage: '"lost.proto" is not known here' } })
    expect(unknown).toMatchObject({ case: 'errorResponse', value: { errorCode: 5 } })
  })

  it('knows of a message that nothing extends it, and of a question that it is none', async () => {
    const [none, lost, number, empty] = await ask(
      { case: 'allExtensionNumbersOfType', value: 'beckon.test.EchoMessage' },
      { case: 'allExtensionNumbersOfType', value: 'lost.Message' },
      {
        case: 'fileContainingExtension',
        value: { $typeName: 'grpc.reflection.v1.ExtensionRequest', containingType: 'x', extensionNumber: 1 },
      },
      { case: undefined },
    )
    expect(none).toMatchObject({
      case: 'allExtensionNumbersResponse',
      value: { baseTypeName: 'beckon.test.EchoMessage', extensionNumber: [] },
    })
    expect(lost).toMatchObject({ case: 'errorResponse', value: { errorCode: 5 } })
    expect(number).toMatchObject({ case: 'errorResponse', value: { errorCode: 5 } })
    expect(empty).toMatchObject({ case: 'errorResponse', value: { errorCode: 3 } })
  })

  it('says the same under its older name', async () => {
    const alpha = createClient(Alpha, { addresses: [server.address] })
    const answers: unknown[] = []
    const questions = [{ host: 'here', messageRequest: { case: 'fileContainingSymbol' as const, value: 'beckon.test.Echo' } }]
    for await (const answer of alpha.serverReflectionInfo(questions)) answers.push(answer)
    expect(answers).toMatchObject([
      { validHost: 'here', originalRequest: questions[0], messageResponse: { case: 'fileDescriptorResponse' } },
    ])
    await closeClient(alpha)
  })
})
