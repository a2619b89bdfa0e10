import { gzipSync } from 'node:zlib'
import { create, toBinary } from '@bufbuild/protobuf'
import { Encoder } from '../../src/http2/encoder.ts'
import { EchoMessageSchema } from '../gen/echo_pb.ts'
import { method } from '../support/context.ts'
import { frame, message, preface, request } from '../support/raw-http2.ts'

/** Good conversations, frame by frame: what a client says to a server of ours, and a server to a client. */

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
const bytes = (text: string, payload = 0): Uint8Array =>
  toBinary(EchoMessageSchema, create(EchoMessageSchema, { text, count: 3, payload: new Uint8Array(payload) }))
const body = message(bytes('hello'))
const large = message(bytes('large', 24_000))
const compressed = message(gzipSync(bytes('compressed', 5000)))
compressed[0] = 1
const block = (...fields: string[]): Uint8Array => new Encoder().encode(fields, 0)
const windows = frame(8, 0, 0, u32(1_000_000))
const settings = frame(4, 0, 0, Buffer.concat([Buffer.from([0, 4]), u32(1_048_576), Buffer.from([0, 3]), u32(100)]))
const ping = frame(6, 0, 0, Buffer.from('12345678'))

const unary = method('unary').path
const chat = method('chat').path
const expand = method('expand').path
const collect = method('collect').path

/** What clients say, the preface included. */
export const ofClients: readonly (readonly Uint8Array[])[] = [
  [preface, settings, frame(1, 4, 1, request(unary)), frame(0, 0, 1, large.subarray(0, 9000)), frame(0, 1, 1, large.subarray(9000))],
  [preface, settings, frame(1, 4, 1, request(unary)), frame(0, 1, 1, body), frame(1, 4, 3, request(unary)), frame(0, 1, 3, body)],
  [
    preface,
    settings,
    windows,
    frame(1, 4, 1, request(chat, { 'grpc-timeout': '500m', 'x-key': 'value', 'x-bytes-bin': 'AAEC' })),
    frame(0, 0, 1, body),
    frame(0, 0, 1, body.subarray(0, 7)),
    ping,
    frame(0, 0, 1, body.subarray(7)),
    frame(8, 0, 1, u32(70_000)),
    frame(0, 1, 1, large.subarray(0, 16_000)),
  ],
  [
    preface,
    settings,
    frame(1, 4, 1, request(unary, { 'grpc-encoding': 'gzip', 'grpc-accept-encoding': 'gzip' })),
    frame(0, 1, 1, compressed),
    frame(1, 4, 3, request(chat, { 'grpc-encoding': 'gzip' })),
    frame(0, 0, 3, Buffer.concat([compressed, body])),
    frame(3, 0, 3, u32(8)),
  ],
  [
    preface,
    settings,
    frame(1, 0, 1, request(expand).subarray(0, 10)),
    frame(9, 0, 1, request(expand).subarray(10, 30)),
    frame(9, 4, 1, request(expand).subarray(30)),
    frame(0, 9, 1, Buffer.concat([Buffer.from([4]), body, Buffer.alloc(4)])),
    frame(2, 0, 5, Buffer.concat([u32(3), Buffer.from([1])])),
    frame(1, 5, 3, request('/none')),
    frame(4, 1, 0),
    frame(7, 0, 0, Buffer.concat([u32(0), u32(0)])),
  ],
  [preface, settings, frame(1, 4, 1, request(collect)), frame(0, 0, 1, body), windows, frame(0, 0, 1, body), frame(0, 1, 1)],
  [Buffer.from('POST /beckon.test.Echo/Unary HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}')],
]

const ok = block(':status', '200', 'content-type', 'application/grpc')
const zipped = block(':status', '200', 'content-type', 'application/grpc', 'grpc-encoding', 'gzip')
const done = block('grpc-status', '0')
const failed = block('grpc-status', '9', 'grpc-message', 'no%21', 'x-why', 'because', 'grpc-status-details-bin', 'CAkSA25vIQ')

/** What servers answer to a unary call, a server stream and a two-way stream on streams 1, 3 and 5. */
export const ofServers: readonly (readonly Uint8Array[])[] = [
  [
    settings,
    frame(4, 1, 0),
    frame(1, 4, 1, ok),
    frame(0, 0, 1, body),
    frame(1, 5, 1, done),
    frame(1, 4, 3, ok),
    frame(0, 0, 3, large.subarray(0, 9000)),
    frame(0, 0, 3, large.subarray(9000)),
    frame(1, 5, 3, done),
    frame(1, 5, 5, failed),
  ],
  [
    settings,
    windows,
    frame(1, 4, 5, zipped),
    frame(0, 0, 5, Buffer.concat([compressed, body])),
    ping,
    frame(1, 4, 1, ok),
    frame(0, 0, 1, body.subarray(0, 3)),
    frame(0, 0, 1, body.subarray(3)),
    frame(1, 5, 5, done),
    frame(1, 5, 1, done),
  ],
  [
    settings,
    frame(1, 4, 3, ok),
    frame(0, 0, 3, body),
    frame(3, 0, 1, u32(7)),
    frame(7, 0, 0, Buffer.concat([u32(3), u32(0), Buffer.from('bye')])),
    frame(0, 0, 3, body),
    frame(1, 5, 3, done),
  ],
]
