import assert from 'node:assert/strict'
import { RpcError } from '../error.ts'
import type { Case } from './case.ts'
import { type Between, failure, hang, type Note, notes, texts, until } from './transport-bench.ts'
import { count } from './transport-pressure.ts'

/** Streams: order, errors, cancellation. */
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

async function* echo(all: AsyncIterable<Note>): AsyncGenerator<Note> {
  for await (const { text } of all) yield { text: `${text}!` }
}

async function* failing(...some: readonly string[]): AsyncGenerator<Note> {
  yield* notes(...some)
  throw new RpcError('data_loss', 'torn')
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
