import { Headers } from '../../headers.ts'
import { writeMetadata } from '../../transports/grpc/metadata.ts'
import { exitCodes, failure } from '../exit.ts'

/** Headers from `name=value` texts; the values of names in `-bin` are base64. Fails as wrong usage, naming the text or the header. */
export function headersOf(texts: readonly string[]): Headers {
  const headers = new Headers()
  for (const text of texts) {
    const equals = text.indexOf('=')
    if (equals < 1) throw failure(exitCodes.usage, `--header: ${JSON.stringify(text)} must be name=value`)
    const name = text.slice(0, equals)
    const value = text.slice(equals + 1)
    headers.append(name, name.toLowerCase().endsWith('-bin') ? Buffer.from(value, 'base64') : value)
  }
  writeMetadata(headers, [])
  return headers
}
