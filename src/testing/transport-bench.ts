import assert from 'node:assert/strict'
import { bidi, clientStream, serverStream, unary } from '../codecs/json.ts'
import type { Context, Endpoint } from '../endpoint.ts'
import { type Code, RpcError } from '../error.ts'
import { Headers } from '../headers.ts'
import { defineService, type Method } from '../service.ts'
import type { Connection, ConnectionState, Listener, Route, Transport } from '../transport.ts'
import type { Case } from './case.ts'

/** The message that the suite's calls exchange. */
export interface Note {
  readonly text: string
  readonly count?: number
}

const { methods } = defineService('beckon.testing.Transported', {
  say: unary<Note, Note>(),
  collect: clientStream<Note, Note>(),
  expand: serverStream<Note, Note>(),
  chat: bidi<Note, Note>(),
})

/** The unary method of the contract that the suite calls. */
export const say: Method = methods.say

/** What answers; a case gives what it needs. */
export interface Answers {
  say?(note: Note, context: Context): Promise<Note> | Note
  collect?(notes: AsyncIterable<Note>, context: Context): Promise<Note>
  expand?(note: Note, context: Context): AsyncIterable<Note>
  chat?(notes: AsyncIterable<Note>, context: Context): AsyncIterable<Note>
}

/** A listener and a connection to it. */
export interface Bench {
  readonly transport: Transport
  readonly listener: Listener
  readonly connection: Connection
  /** States that the connection has been in since it was made. */
  readonly states: readonly ConnectionState[]
  say(note: Note, more?: Partial<Context>): Promise<Note>
  collect(notes: AsyncIterable<Note>, more?: Partial<Context>): Promise<Note>
  expand(note: Note, more?: Partial<Context>): Promise<AsyncIterable<Note>>
  chat(notes: AsyncIterable<Note>, more?: Partial<Context>): Promise<AsyncIterable<Note>>
}

/** How a {@link Case} is made from what it does between a server that answers and a client. */
export type Between = (name: string, answers: Answers, body: (bench: Bench) => Promise<void>) => Case

/** Makes cases that end what they began. */
export function between(create: () => Transport): Between {
  return (name, answers, body) => ({
    name,
    async run() {
      const transport = create()
      const listener = await transport.listen((path) => routeOf(path, answers), { address: '127.0.0.1:0' })
      const states: ConnectionState[] = []
      const connection = transport.dial(listener.address, { onState: (state) => states.push(state) })
      const call = (method: Context['method'], request: unknown, more: Partial<Context> = {}): Promise<never> =>
        connection.call(request, { headers: new Headers(), ...more, method }) as Promise<never>
      try {
        await body({
          transport,
          listener,
          connection,
          states,
          say: (note, more) => call(methods.say, note, more),
          collect: (notes, more) => call(methods.collect, notes, more),
          expand: (note, more) => call(methods.expand, note, more),
          chat: (notes, more) => call(methods.chat, notes, more),
        })
      } finally {
        await connection.close()
        await listener.close()
      }
    },
  })
}

function routeOf(path: string, answers: Answers): Route | undefined {
  for (const local of ['say', 'collect', 'expand', 'chat'] as const) {
    const method = methods[local]
    const answer = answers[local]
    if (method.path === path && answer !== undefined)
      return { method, endpoint: (async (request: never, context: Context) => answer(request, context)) as Endpoint }
  }
  return undefined
}

/** Notes with these texts, one after the other. */
export async function* notes(...texts: readonly string[]): AsyncGenerator<Note> {
  for (const text of texts) yield { text }
}

/** All texts of a stream. */
export async function texts(stream: AsyncIterable<Note>): Promise<string[]> {
  const all: string[] = []
  for await (const { text } of stream) all.push(text)
  return all
}

/** The error that a promise rejects with, which must have this code. */
export async function failure(promise: Promise<unknown>, code: Code): Promise<RpcError> {
  const error = await promise.then(
    () => assert.fail(`it should have failed with ${code}`),
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof RpcError, `${error} should be an RpcError`)
  assert.equal(error.code, code, error.message)
  return error
}

/** Resolves when the condition holds; fails after twenty seconds, saying what did not come true. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const end = performance.now() + 20_000
  while (!condition()) {
    assert.ok(performance.now() < end, `in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** Never resolves, but rejects when the signal is aborted. */
export function hang({ signal }: Context): Promise<never> {
  return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason), { once: true }))
}
