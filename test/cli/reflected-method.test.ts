import { clone, create, toBinary } from '@bufbuild/protobuf'
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt'
import { afterEach, describe, expect, it } from 'vitest'
import { reflectedMethod } from '../../src/cli/call/reflection.ts'
import { ServerReflection } from '../../src/gen/grpc/reflection/v1alpha/reflection_pb.ts'
import { type Channel, createChannel, createServer, type Handlers } from '../../src/index.ts'
import { file_echo } from '../gen/echo_pb.ts'
import { startEcho } from '../support/echo.ts'

const opened: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close()
})

/** A file with a service whose messages are in `echo.proto`, and those as a server has them that kept no JSON names. */
function files(): readonly FileDescriptorProto[] {
  const echo = clone(FileDescriptorProtoSchema, file_echo.proto)
  for (const { field } of echo.messageType) for (const one of field) one.jsonName = ''
  const text = { label: Label.OPTIONAL, type: Type.STRING }
  const far = create(FileDescriptorProtoSchema, {
    name: 'far.proto',
    package: 'far',
    syntax: 'proto3',
    dependency: ['echo.proto'],
    messageType: [{ name: 'Question', field: [{ name: 'who_asks', number: 1, ...text }] }],
    service: [
      {
        name: 'Far',
        method: [
          { name: 'Ask', inputType: '.far.Question', outputType: '.beckon.test.EchoMessage' },
          { name: 'Unary', inputType: '.far.Question', outputType: '.far.Question', serverStreaming: true },
        ],
      },
    ],
  })
  return [echo, far]
}

/** A server that has reflection by its older name only, and sends no more than the file that it is asked for. */
async function sparing(): Promise<Channel> {
  const all = files()
  const handlers: Handlers<typeof ServerReflection> = {
    async *serverReflectionInfo(requests) {
      for await (const { messageRequest: asked } of requests) {
        const service = [{ name: 'far.Far' }, { name: 'beckon.test.Echo' }]
        const file = all.find(({ name, package: space }) => asked.value === name || String(asked.value).startsWith(`${space}.`))
        if (asked.case === 'listServices') yield { messageResponse: { case: 'listServicesResponse', value: { service } } }
        else if (file === undefined) yield { messageResponse: { case: 'errorResponse', value: { errorCode: 5, errorMessage: 'no' } } }
        else
          yield {
            messageResponse: {
              case: 'fileDescriptorResponse',
              value: { fileDescriptorProto: [toBinary(FileDescriptorProtoSchema, file)] },
            },
          }
      }
    },
  }
  const server = createServer({ name: 'far', address: '127.0.0.1:0', signals: false, propagation: 0 })
  opened.push(await server.handle(ServerReflection, handlers).start())
  return channelTo(server.address)
}

function channelTo(address: string): Channel {
  const channel = createChannel({ service: 'far', addresses: [address] })
  opened.push(channel)
  return channel
}

describe('a method by reflection', () => {
  it('is found by the older name of the service, with imports that have to be asked for', async () => {
    const method = await reflectedMethod(await sparing(), 'Far.Ask', {})
    expect(method).toMatchObject({ path: '/far.Far/Ask', kind: 'unary' })
    const bytes = method?.input.encode({ whoAsks: 'me' }) ?? new Uint8Array(0)
    expect(method?.input.decode(bytes)).toEqual({ whoAsks: 'me' })
    expect(method?.output.decode(method.output.encode({ text: 'you' }))).toEqual({ text: 'you' })
  })

  it('is not guessed where several have the name', async () => {
    const channel = await sparing()
    await expect(reflectedMethod(channel, 'Unary', {})).rejects.toThrow(/more than one Unary: far\.Far\/Unary, beckon\.test\.Echo\/Unary/)
    expect(await reflectedMethod(channel, 'far.Far/Unary', {})).toMatchObject({ path: '/far.Far/Unary', kind: 'serverStream' })
  })

  it('is undefined where the server has no such method, no reflection, or does not answer', async () => {
    expect(await reflectedMethod(await sparing(), 'Far.Nothing', {})).toBeUndefined()
    const echo = await startEcho()
    opened.push(echo)
    expect(await reflectedMethod(channelTo(echo.address), 'Echo.Unary', {})).toBeUndefined()
    expect(await reflectedMethod(channelTo('127.0.0.1:1'), 'Echo.Unary', { timeout: 100 })).toBeUndefined()
  })
})
