import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import type { Kind } from '../../service.ts'
import { streamsRequest } from '../../stream.ts'
import { exitCodes, failure } from '../exit.ts'

/** What is sent: the argument, or stdin where it is `-`. A stream of requests is stdin's lines, unless the argument is its only message. */
export async function requestOf(kind: Kind, argument: string | undefined): Promise<unknown> {
  const stdin = argument === '-'
  if (!streamsRequest(kind)) return parse(stdin ? await text(process.stdin) : (argument ?? '{}'), stdin ? 'stdin' : 'request')
  return argument === undefined || stdin ? lines() : [parse(argument, 'request')]
}

/** One message per line of stdin. */
async function* lines(): AsyncGenerator<unknown> {
  let number = 0
  for await (const line of createInterface({ input: process.stdin })) {
    number++
    if (line.trim() !== '') yield parse(line, `line ${number} of stdin`)
  }
}

function parse(json: string, what: string): unknown {
  try {
    return JSON.parse(json)
  } catch (cause) {
    throw failure(exitCodes.usage, `${what} is not JSON: ${(cause as Error).message}`, 'Write it in single quotes: \'{"name":"value"}\'')
  }
}
