import type { ErrorDetail } from '../../error.ts'

/** google.rpc.Status { int32 code = 1; string message = 2; repeated Any details = 3 }, Any { string type_url = 1; bytes value = 2 }. */

const prefix = 'type.googleapis.com/'

/** Reads the details of a `google.rpc.Status`; as far as it can be read. */
export function readStatusDetails(bytes: Buffer): ErrorDetail[] {
  const details: ErrorDetail[] = []
  for (const [field, any] of delimited(bytes)) {
    if (field !== 3) continue
    let type = ''
    let value: Uint8Array = new Uint8Array(0)
    for (const [inner, content] of delimited(any)) {
      if (inner === 1) type = content.toString()
      else if (inner === 2) value = new Uint8Array(content)
    }
    details.push({ type: type.slice(type.lastIndexOf('/') + 1), value })
  }
  return details
}

/** Writes a `google.rpc.Status`. */
export function writeStatusDetails(code: number, message: string, details: readonly ErrorDetail[]): Buffer {
  const anys = details.map(({ type, value }) => field(3, Buffer.concat([field(1, Buffer.from(prefix + type)), field(2, value)])))
  return Buffer.concat([Buffer.from([8, code]), field(2, Buffer.from(message)), ...anys])
}

/** Length-delimited fields by number; others are skipped. */
function* delimited(bytes: Buffer): Generator<[number, Buffer]> {
  let at = 0
  while (at < bytes.length) {
    const tag = varint()
    const type = tag & 7
    if (type === 0) varint()
    else if (type === 1) at += 8
    else if (type === 5) at += 4
    else if (type === 2) {
      const length = varint()
      if (at + length > bytes.length) return
      yield [tag >>> 3, bytes.subarray(at, at + length)]
      at += length
    } else return
  }

  function varint(): number {
    let value = 0
    for (let shift = 1; at < bytes.length; shift *= 128) {
      const byte = bytes[at++] as number
      value += (byte & 127) * shift
      if (byte < 128) break
    }
    return value
  }
}

function field(number: number, content: Uint8Array): Buffer {
  const head = [(number << 3) | 2]
  let length = content.length
  for (; length > 127; length >>>= 7) head.push((length & 127) | 128)
  return Buffer.concat([Buffer.from([...head, length]), content])
}
