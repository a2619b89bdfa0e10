import assert from 'node:assert/strict'
import type { Case } from './case.ts'
import { type Between, type Note, until } from './transport-bench.ts'

const kilobyte = 'x'.repeat(1000)

/** More than any sensible transport holds for a peer that does not read, in {@link kilobyte}s. */
const far = 100_000

/** What is not read holds back whoever produces it, and nothing else. */
export function pressureCases(run: Between): readonly Case[] {
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
        const more = produced.taken + 2000
        let read = 0
        for await (const _ of stream) if (++read > more) break
        assert.ok(read > more, `the stream ended after ${read} messages`)
      },
    ),
    run(
      'holds back a caller whose handler does not read',
      {
        async collect(all) {
          await held
          let read = 0
          for await (const _ of all) if (++read > 2000) break
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

/** A stream and what has become of it. */
export interface Counted {
  readonly stream: AsyncGenerator<Note>
  readonly taken: number
  readonly left: boolean
}

/** An endless stream that counts what is taken of it. */
export function count(): Counted {
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
