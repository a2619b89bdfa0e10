import { create, type MessageShape } from '@bufbuild/protobuf'
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt'
import { codeFromNumber, codeToNumber, type ErrorDetail, RpcError } from '../../../src/error.ts'
import { Headers, type HeaderValue } from '../../../src/headers.ts'
import type { Code } from '../gen/connectrpc/conformance/v1/config_pb.ts'
import { type Error as ConformanceError, ErrorSchema, type Header, HeaderSchema } from '../gen/connectrpc/conformance/v1/service_pb.ts'

/** The suite's words for our headers, and ours for the suite's: bytes are base64 there. */
export function toHeaders(headers: Iterable<readonly [string, HeaderValue]>): Header[] {
  const all = new Map<string, string[]>()
  for (const [name, value] of headers) {
    const text = typeof value === 'string' ? value : Buffer.from(value).toString('base64').replace(/=+$/, '')
    all.set(name, [...(all.get(name) ?? []), text])
  }
  return [...all].map(([name, value]) => create(HeaderSchema, { name, value }))
}

export function fromHeaders(headers: readonly Header[], to: Headers = new Headers()): Headers {
  for (const { name, value } of headers)
    for (const one of value) to.append(name, name.toLowerCase().endsWith('-bin') ? new Uint8Array(Buffer.from(one, 'base64')) : one)
  return to
}

const prefix = 'type.googleapis.com/'

export function toError(thrown: unknown): MessageShape<typeof ErrorSchema> {
  const { code, rawMessage, details } = RpcError.from(thrown)
  const anys = details.map(({ type, value }) => create(AnySchema, { typeUrl: prefix + type, value }))
  return create(ErrorSchema, { code: codeToNumber(code) as Code, message: rawMessage, details: anys })
}

export function fromError({ code, message, details }: ConformanceError, ...more: readonly Any[]): RpcError {
  const all: ErrorDetail[] = [...details, ...more].map(({ typeUrl, value }) => ({
    type: typeUrl.slice(typeUrl.lastIndexOf('/') + 1),
    value,
  }))
  return new RpcError(codeFromNumber(code), message ?? '', { details: all })
}
