import assert from 'node:assert/strict'
import { RpcError } from '../error.ts'
import { Headers } from '../headers.ts'
import type { Case } from './case.ts'
import { type Between, failure, hang, notes } from './transport-bench.ts'

/** Messages, metadata and errors of calls. */
export function callCases(run: Between): readonly Case[] {
  return [
    run('answers a call', { say: ({ text }) => ({ text: `${text}!` }) }, async ({ say }) => {
      assert.deepEqual(await say({ text: 'hello' }), { text: 'hello!' })
      assert.deepEqual(await say({ text: 'Grüße, 世界' }), { text: 'Grüße, 世界!' })
    }),
    run('answers many calls at once, each with its own answer', { say: async ({ text }) => ({ text }) }, async ({ say }) => {
      const wanted = Array.from({ length: 2000 }, (_, i) => `${i}`)
      assert.deepEqual(
        (await Promise.all(wanted.map((text) => say({ text })))).map(({ text }) => text),
        wanted,
      )
    }),
    run(
      'does not let a slow call hold up another',
      { say: (note, context) => (note.text === 'slow' ? hang(context) : note) },
      async ({ say }) => {
        const slow = say({ text: 'slow' }, { deadline: performance.now() + 400 })
        slow.catch(() => {})
        for (let i = 0; i < 200; i++) assert.equal((await say({ text: `${i}` })).text, `${i}`)
        await failure(slow, 'deadline_exceeded')
      },
    ),
    ...metadataCases(run),
    ...errorCases(run),
  ]
}

function metadataCases(run: Between): readonly Case[] {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i)
  return [
    run(
      'carries metadata both ways',
      {
        say(note, { headers, replyHeaders, replyTrailers }) {
          for (const [name, value] of headers) if (name.startsWith('x-')) replyHeaders?.append(name, value)
          replyTrailers?.set('x-end', 'of it').set('x-end-bin', bytes.subarray(0, 7))
          return note
        },
      },
      async ({ say }) => {
        const sent = new Headers([
          ['x-one', 'a, b'],
          ['x-many', '1'],
          ['x-many', '2'],
          ['x-empty', ''],
          ['x-bytes-bin', bytes],
          ['x-none-bin', new Uint8Array(0)],
        ])
        for (let i = 0; i < 3; i++) {
          let headers: Headers | undefined
          let trailers: Headers | undefined
          await say({ text: '' }, { headers: sent, onHeaders: (came) => (headers = came), onTrailers: (came) => (trailers = came) })
          assert.deepEqual(
            [...(headers ?? [])].filter(([name]) => name.startsWith('x-')),
            [...sent],
          )
          assert.deepEqual(
            [...(trailers ?? [])],
            [
              ['x-end', 'of it'],
              ['x-end-bin', bytes.subarray(0, 7)],
            ],
          )
        }
      },
    ),
    run('tells where the call comes from', { say: (_, { peer }) => ({ text: peer ?? '' }) }, async ({ say }) => {
      assert.match((await say({ text: '' })).text, /^127\.0\.0\.1:\d+$/)
    }),
  ]
}

function errorCases(run: Between): readonly Case[] {
  const detail = { type: 'beckon.testing.Detail', value: Uint8Array.of(1, 2, 3) }
  return [
    run(
      'carries code, message, details and metadata of an error',
      {
        say() {
          const metadata = [['x-why', 'because'] as const, ['x-why-bin', Uint8Array.of(0, 255)] as const]
          throw new RpcError('failed_precondition', '100 % näh\n', { details: [detail, detail], metadata })
        },
      },
      async ({ say }) => {
        const error = await failure(say({ text: '' }), 'failed_precondition')
        assert.equal(error.rawMessage, '100 % näh\n')
        assert.deepEqual(error.details, [detail, detail])
        assert.deepEqual(error.metadata, [
          ['x-why', 'because'],
          ['x-why-bin', Uint8Array.of(0, 255)],
        ])
        assert.ok(error.outbound, 'it ended a call of this process')
        assert.ok(!error.unprocessed, 'a handler has seen it')
      },
    ),
    run(
      'tells of any other error as unknown',
      {
        say() {
          throw new TypeError('oops')
        },
      },
      async ({ say }) => assert.equal((await failure(say({ text: '' }), 'unknown')).rawMessage, 'oops'),
    ),
    run(
      'does not pass on that somebody further on is unavailable',
      {
        say({ text }) {
          throw new RpcError('unavailable', 'gone', { outbound: text === 'further on' })
        },
      },
      async ({ say }) => {
        await failure(say({ text: 'further on' }), 'internal')
        await failure(say({ text: 'here' }), 'unavailable')
      },
    ),
    run('says which method is unknown', {}, async ({ say, collect }) => {
      assert.match((await failure(say({ text: '' }), 'unimplemented')).message, /Transported\/Say/)
      assert.match((await failure(collect(notes('a', 'b')), 'unimplemented')).message, /Transported\/Collect/)
    }),
    run(
      'answers again after an error',
      { say: (note) => (note.text === '' ? Promise.reject(new Error('empty')) : note) },
      async ({ say }) => {
        for (let i = 0; i < 5; i++) {
          await failure(say({ text: '' }), 'unknown')
          assert.equal((await say({ text: 'a' })).text, 'a')
        }
      },
    ),
  ]
}
