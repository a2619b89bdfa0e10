import assert from 'node:assert/strict'
import * as net from 'node:net'
import { Headers } from '../headers.ts'
import type { Transport } from '../transport.ts'
import type { Case } from './case.ts'
import { type Between, failure, hang, say as method, texts, until } from './transport-bench.ts'

/** Sizes of messages. `limit` is the most that the transport takes, in bytes. */
export function sizeCases(run: Between, limit: number): readonly Case[] {
  const half = 'x'.repeat(limit / 2)
  const twice = 'x'.repeat(limit * 2)
  return [
    run('carries large messages both ways', { say: (note) => note }, async ({ say }) => {
      const all = await Promise.all([half, half, half].map((text) => say({ text })))
      for (const { text } of all) assert.ok(text === half)
    }),
    run('turns down requests over the limit, naming it', { say: (note) => note }, async ({ say, connection }) => {
      assert.match((await failure(say({ text: twice }), 'resource_exhausted')).message, new RegExp(String(limit)))
      assert.equal((await say({ text: 'a' })).text, 'a')
      assert.equal(connection.state, 'ready')
    }),
    run('turns down responses over the limit, naming it', { say: () => ({ text: twice }) }, async ({ say, connection }) => {
      assert.match((await failure(say({ text: '' }), 'resource_exhausted')).message, new RegExp(String(limit)))
      assert.equal(connection.state, 'ready')
    }),
  ]
}

/** How connections begin and end. */
export function endingCases(run: Between, create: () => Transport): readonly Case[] {
  const handlers = { say: (note: { text: string }, context: Parameters<typeof hang>[0]) => (note.text === 'wait' ? hang(context) : note) }
  let aborted = 0
  let release: (() => void) | undefined
  return [
    run('is ready once connected', handlers, async ({ say, connection, states }) => {
      assert.equal(connection.state, 'connecting')
      await say({ text: 'a call that came early waits' })
      assert.deepEqual(states, ['ready'])
      await connection.close()
      assert.equal(connection.state, 'closed')
      const error = await failure(say({ text: '' }), 'unavailable')
      assert.ok(error.unprocessed, 'it was never sent, which `unprocessed` says')
    }),
    {
      name: 'says which address cannot be reached',
      async run() {
        const address = `127.0.0.1:${await unusedPort()}`
        const connection = create().dial(address)
        const error = await failure(connection.call({ text: '' }, { method, headers: new Headers() }), 'unavailable')
        assert.ok(error.message.includes(address), error.message)
        assert.ok(error.unprocessed && error.outbound, '`unprocessed`, as it was never sent, and `outbound`, as it ended a call')
        assert.equal(connection.state, 'closed')
      },
    },
    run('says which address is taken', handlers, async ({ transport, listener }) => {
      const error = await failure(
        transport.listen(() => undefined, { address: listener.address }),
        'failed_precondition',
      )
      assert.ok(error.message.includes(listener.address), error.message)
    }),
    run(
      'lets calls end before it stops, and takes no new ones',
      {
        say: (note) =>
          new Promise((resolve) => {
            release = () => resolve(note)
          }),
      },
      async ({ say, listener, states, connection }) => {
        const call = say({ text: 'under way' })
        await until('the handler is called', () => release !== undefined)
        const closing = listener.close({ grace: 5000 })
        await until('the caller is told', () => states.includes('draining'))
        assert.ok((await failure(say({ text: 'too late' }), 'unavailable')).unprocessed, 'it was never sent, which `unprocessed` says')
        release?.()
        assert.equal((await call).text, 'under way')
        await closing
        await until('the connection is closed', () => connection.state === 'closed')
      },
    ),
    run('loses no call when it stops under load', { say: async (note) => note }, async ({ say, listener, states }) => {
      let answered = 0
      const problems: string[] = []
      const worker = async (): Promise<void> => {
        while (!states.includes('draining')) {
          await say({ text: 'a' }).then(
            () => answered++,
            (error) => error.unprocessed || problems.push(error.message),
          )
          // A transport that answers without a socket would leave nobody else a turn.
          await new Promise((resolve) => setImmediate(resolve))
        }
      }
      const load = Promise.all(Array.from({ length: 50 }, worker))
      await until('calls are answered', () => answered > 1000)
      await listener.close({ grace: 5000 })
      await load
      assert.deepEqual(problems, [])
    }),
    run('ends calls that outlast the grace', handlers, async ({ say, listener }) => {
      const call = failure(say({ text: 'wait' }), 'unavailable')
      await say({ text: 'so that the other is under way' })
      await listener.close({ grace: 100 })
      assert.ok(!(await call).unprocessed, 'its handler has seen it')
    }),
    run(
      'lets calls end before the client leaves',
      {
        async *expand() {
          for (let i = 0; i < 20; i++) {
            await new Promise((resolve) => setTimeout(resolve, 5))
            yield { text: `${i}` }
          }
        },
      },
      async ({ expand, connection }) => {
        const stream = await expand({ text: '' })
        const closing = connection.close({ drain: 5000 })
        assert.equal((await texts(stream)).length, 20)
        await closing
      },
    ),
    run(
      'tells handlers when the caller is gone',
      {
        say: (_, context) => hang(context).finally(() => aborted++),
        expand: async function* (_, context) {
          yield { text: 'a' }
          await hang(context).finally(() => aborted++)
        },
      },
      async ({ say, expand, connection }) => {
        const call = failure(say({ text: '' }), 'unavailable')
        const stream = await expand({ text: '' })
        await connection.close()
        await call
        await failure(texts(stream), 'unavailable')
        await until('both are told', () => aborted === 2)
      },
    ),
  ]
}

async function unusedPort(): Promise<number> {
  const server = net.createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
