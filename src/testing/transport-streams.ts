import assert from 'node:assert/strict'
import { RpcError } from '../error.ts'
import type { Case } from './case.ts'
import { type Between, failure, hang, type Note, notes, texts, until } from './transport-bench.ts'

const kilobyte = 'x'.repeat(1000)

/** More than any sensible transport holds for a peer that does not read, in {@link kilobyte}s. */
const far = 100_000

/** Streams: order, errors, cancellation, back-pressure. */
export function streamCases(run: Between): readonly Case[] {
  return [
    run('takes a stream of requests', { collect: async (all) => ({ text: (await texts(all)).join() }) }, async ({ collect }) => {
      assert.equal((await collect(notes('a', 'b', 'c'))).text, 'a,b,c')
      assert.equal((await collect(notes())).text, '')
    }),
    run('gives a stream of responses', { expand: ({ text }) => notes(...text) }, async ({ expand }) => {
      assert.deepEqual(await texts(await expand({ text: 'abc' })), ['a', 'b', 'c'])
      assert.deepEqual(await texts(await expand({ text: '' })), [])
    }),
    run('does both at once', { chat: echo }, async ({ chat }) => {
      const turns = talk()
      const answers = (await chat(turns))[Symbol.asyncIterator]()
      for (const text of ['one', 'two', 'three']) {
        turns.say(text)
        assert.deepEqual(await answers.next(), { done: false, value: { text: `${text}!` } })
      }
      turns.end()
      assert.equal((await answers.next()).done, true)
    }),
    run('keeps many streams apart', { chat: echo }, async ({ chat }) => {
      const all = Array.from({ length: 50 }, async (_, i) =>
        texts(await chat(notes(...Array.from({ length: 50 }, (__, j) => `${i}.${j}`)))),
      )
      for (const [i, got] of (await Promise.all(all)).entries())
        assert.deepEqual(
          got,
          Array.from({ length: 50 }, (_, j) => `${i}.${j}!`),
        )
    }),
    run(
      'answers a stream of requests that it has not read to the end',
      { collect: async () => ({ text: 'enough' }) },
      async ({ collect }) => {
        const endless = count()
        assert.equal((await collect(endless.stream)).text, 'enough')
        await until('the stream is left', () => endless.left)
      },
    ),
    ...failingCases(run),
    ...pressureCases(run),
  ]
}

function failingCases(run: Between): readonly Case[] {
  let left = false
  let heard: unknown
  const endless = count()
  return [
    run('gives the messages before an error, then the error', { expand: () => failing('a', 'b') }, async ({ expand }) => {
      const got: string[] = []
      const all = async (): Promise<void> => {
        for await (const { text } of await expand({ text: '' })) got.push(text)
      }
      assert.equal((await failure(all(), 'data_loss')).rawMessage, 'torn')
      assert.deepEqual(got, ['a', 'b'])
    }),
    run('rejects a stream that fails before its first message', { expand: () => failing() }, async ({ expand }) => {
      await failure(expand({ text: '' }).then(texts), 'data_loss')
    }),
    run(
      'fails a call whose requests fail, on both sides',
      {
        async collect(all) {
          heard = await texts(all).catch((error: unknown) => error)
          return { text: '' }
        },
      },
      async ({ collect }) => {
        assert.match((await failure(collect(failing('a')), 'data_loss')).message, /torn/)
        await until('the handler is told', () => heard !== undefined)
        assert.ok(heard instanceof RpcError && heard.code === 'canceled', String(heard))
      },
    ),
    run(
      'cancels a stream whose consumer leaves',
      {
        async *expand(_, { signal }) {
          try {
            for (let i = 0; !signal?.aborted; i++) yield { text: `${i}` }
          } finally {
            left = true
          }
        },
      },
      async ({ expand, connection }) => {
        for await (const { text } of await expand({ text: '' })) if (text === '5') break
        await until('the handler is told', () => left)
        assert.equal(connection.state, 'ready')
      },
    ),
    run(
      'ends a stream at its deadline',
      {
        async *expand(_, context) {
          yield { text: 'a' }
          await hang(context)
        },
      },
      async ({ expand }) => {
        await failure(expand({ text: '' }, { deadline: performance.now() + 100 }).then(texts), 'deadline_exceeded')
      },
    ),
    run('leaves the requests when the call ends', { chat: () => notes('only') }, async ({ chat }) => {
      assert.deepEqual(await texts(await chat(endless.stream)), ['only'])
      await until('the stream is left', () => endless.left)
    }),
  ]
}

function pressureCases(run: Between): readonly Case[] {
  const sent = count()
  const produced = count()
  let release = (): void => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  return [
    run(
      'holds back a handler whose caller does not read',
      { expand: () => produced.stream, say: (note) => note },
      async ({ expand, say }) => {
        const stream = await expand({ text: '' })
        await settled(() => produced.taken)
        assert.ok(produced.taken < far, `${produced.taken} kB were produced and not read`)
        assert.equal((await say({ text: 'meanwhile' })).text, 'meanwhile')
        let read = 0
        for await (const _ of stream) if (++read > produced.taken + 5000) break
      },
    ),
    run(
      'holds back a caller whose handler does not read',
      {
        async collect(all) {
          await held
          for await (const _ of all) if (sent.taken > far) break
          return { text: 'done' }
        },
        say: (note) => note,
      },
      async ({ collect, say }) => {
        const call = collect(sent.stream)
        await settled(() => sent.taken)
        const before = sent.taken
        assert.ok(before < far, `${before} kB were sent and not read`)
        assert.equal((await say({ text: 'meanwhile' })).text, 'meanwhile')
        release()
        await until('it goes on', () => sent.taken > before)
        await call
      },
    ),
    run(
      'does not let streams that are not read hold up the others',
      { expand: () => count().stream, say: (note) => note },
      async ({ expand, say }) => {
        const unread = await Promise.all(Array.from({ length: 8 }, () => expand({ text: '' })))
        const big = kilobyte.repeat(1000)
        for (let i = 0; i < 5; i++) assert.equal((await say({ text: big })).text.length, big.length)
        for (const stream of unread) await stream[Symbol.asyncIterator]().return?.()
      },
    ),
  ]
}

async function* echo(all: AsyncIterable<Note>): AsyncGenerator<Note> {
  for await (const { text } of all) yield { text: `${text}!` }
}

async function* failing(...some: readonly string[]): AsyncGenerator<Note> {
  yield* notes(...some)
  throw new RpcError('data_loss', 'torn')
}

interface Counted {
  readonly stream: AsyncGenerator<Note>
  readonly taken: number
  readonly left: boolean
}

/** An endless stream that counts what is taken of it. */
function count(): Counted {
  const counted = { taken: 0, left: false, stream: produce() }
  return counted

  async function* produce(): AsyncGenerator<Note> {
    try {
      for (;;) {
        counted.taken++
        yield { text: kilobyte }
        // So that other things happen as well.
        if (counted.taken % 64 === 0) await new Promise((resolve) => setImmediate(resolve))
      }
    } finally {
      counted.left = true
    }
  }
}

/** Resolves when a number has stopped changing. */
async function settled(value: () => number): Promise<void> {
  let last = -1
  let since = performance.now()
  await until('it comes to rest', () => {
    if (value() !== last) since = performance.now()
    last = value()
    return last > 0 && performance.now() - since > 100
  })
}

/** A stream that is made while it is read. */
function talk(): AsyncIterable<Note> & { say(text: string): void; end(): void } {
  const queue: (Note | undefined)[] = []
  let wake = (): void => {}
  return {
    say(text) {
      queue.push({ text })
      wake()
    },
    end() {
      queue.push(undefined)
      wake()
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        while (queue.length === 0) {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        }
        const next = queue.shift()
        if (next === undefined) return
        yield next
      }
    },
  }
}
