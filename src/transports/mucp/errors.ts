import { STATUS_CODES } from 'node:http'
import { type Code, codeFromNumber, codeToNumber, RpcError } from '../../error.ts'
import type { Headers } from '../../headers.ts'

/** What ends a stream without an error. */
export const endOfStream = 'EOS'

/** go-micro's codes, which are those of HTTP. The first that has a number is read from it. */
const numbers: readonly (readonly [Code, number])[] = [
  ['invalid_argument', 400],
  ['deadline_exceeded', 408],
  ['not_found', 404],
  ['already_exists', 409],
  ['permission_denied', 403],
  ['unauthenticated', 401],
  ['failed_precondition', 412],
  ['resource_exhausted', 429],
  ['canceled', 499],
  ['unimplemented', 501],
  ['internal', 500],
  ['unavailable', 503],
  ['aborted', 409],
  ['out_of_range', 400],
  ['unknown', 500],
  ['data_loss', 500],
]
const toNumber: ReadonlyMap<Code, number> = new Map(numbers)
const fromNumber: ReadonlyMap<number, Code> = new Map(numbers.toReversed().map(([code, number]) => [number, code]))

/** A header of more characters may be more than the caller takes of all of them. */
const most = 16_384

/** `Micro-Error` for an error of the service `id`: go-micro's JSON, with gRPC's number and details beside it, which go-micro passes over. */
export function writeError(id: string, error: RpcError): string {
  const text = print(id, error)
  if (text.length <= most) return text
  return print(id, new RpcError(error.code, `${error.rawMessage.slice(0, 1024)} (shortened: over ${most} characters)`))
}

function print(id: string, { code, rawMessage, details }: RpcError): string {
  const number = toNumber.get(code) ?? 500
  const status = STATUS_CODES[number] ?? ''
  const more = details.map(({ type, value }) => ({ type, value: Buffer.from(value).toString('base64') }))
  return JSON.stringify({
    id,
    code: number,
    detail: rawMessage,
    status,
    grpc: codeToNumber(code),
    ...(more.length > 0 && { details: more }),
  })
}

/** The error that a `Micro-Error` stands for. Text that is not go-micro's JSON is `unknown`, or `unimplemented` where it says so. */
export function readError(text: string, trailers: Headers): RpcError {
  const said = parse(text)
  if (said === undefined) {
    const code = /^(rpc: can't find|unknown) (service|method|endpoint)\b/i.test(text) ? 'unimplemented' : 'unknown'
    return new RpcError(code, text, { metadata: trailers, outbound: true })
  }
  const { code, detail, grpc, details } = said
  const known = typeof grpc === 'number' ? codeFromNumber(grpc) : (fromNumber.get(Number(code)) ?? 'unknown')
  return new RpcError(known, typeof detail === 'string' ? detail : text, {
    metadata: trailers,
    outbound: true,
    details: (Array.isArray(details) ? details : []).map((one: { type?: unknown; value?: unknown } | null) => ({
      type: String(one?.type),
      value: new Uint8Array(Buffer.from(String(one?.value), 'base64')),
    })),
  })
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && 'code' in value ? { ...value } : undefined
  } catch {
    return undefined
  }
}
