import { create } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { memoryStore } from '../../src/dev/store.ts'
import { type WatchStream, watchStream } from '../../src/dev/watch-stream.ts'
import { watchersOf } from '../../src/dev/watchers.ts'
import { type WatchRequest, WatchRequestSchema, type WatchResponse, WatchResponseSchema } from '../../src/gen/etcd/rpc_pb.ts'
import { manualClock } from '../../src/testing/index.ts'

type Union = WatchRequest['requestUnion']['case']

function setUp(historyLimit = 100_000) {
  const clock = manualClock()
  const store = memoryStore(historyLimit)
  const source = { store, watchers: watchersOf(store), clock, progressInterval: 1000 }
  const put = (key: string, value: Buffer = Buffer.from('v')) => store.write((draft) => draft.put(Buffer.from(key), value, 0n))
  return { clock, store, put, open: () => reader(watchStream(source)) }
}

function reader(stream: WatchStream) {
  const replies = stream.replies[Symbol.asyncIterator]()
  return {
    ask: (kind: Union, value: object) => stream.accept(create(WatchRequestSchema, { requestUnion: { case: kind, value } as never })),
    async next(): Promise<WatchResponse> {
      const { value } = await replies.next()
      return create(WatchResponseSchema, value)
    },
    leave: () => replies.return?.(),
  }
}

const revisionsOf = (response: WatchResponse) => response.events.map(({ kv }) => kv?.modRevision)
const everything = { key: Buffer.from('\0'), rangeEnd: Buffer.from('\0') }

describe('a watch stream', () => {
  it('misses nothing however slowly it is read, and holds little meanwhile', async () => {
    const { put, open, store } = setUp()
    const stream = open()
    stream.ask('createRequest', everything)
    await stream.next()
    for (let i = 0; i < 5000; i++) put(`key${i % 50}`)
    const seen: (bigint | undefined)[] = []
    let answers = 0
    for (; seen.length < 5000; answers++) seen.push(...revisionsOf(await stream.next()))
    put('more')
    seen.push(...revisionsOf(await stream.next()))
    expect(seen).toEqual(Array.from({ length: 5001 }, (_, i) => BigInt(i + 2)))
    expect(answers).toBeLessThan(1010)
    expect(store.revision).toBe(5002n)
  })

  it('is canceled with the compacted revision when it falls out of the history', async () => {
    const { put, open, store } = setUp()
    const stream = open()
    stream.ask('createRequest', everything)
    await stream.next()
    for (let i = 0; i < 2000; i++) put('key')
    store.compact(1900n)
    let response = await stream.next()
    while (response.events.length > 0) response = await stream.next()
    expect(response).toMatchObject({ canceled: true, compactRevision: 1900n, watchId: 0n })
  })

  it('tells an idle watch the revision now and then, if it asked for that', async () => {
    const { clock, put, open } = setUp()
    const stream = open()
    stream.ask('createRequest', { key: Buffer.from('a'), progressNotify: true })
    stream.ask('createRequest', { key: Buffer.from('a') })
    await stream.next()
    await stream.next()
    put('b')
    clock.advanceSync(2000)
    expect(await stream.next()).toMatchObject({ watchId: 0n, events: [], header: { revision: 2n } })
    put('a')
    expect(await stream.next()).toMatchObject({ watchId: 0n, events: [{}] })
  })

  it.each([1n, 2n, 2400n])('tells everything once from revision %i on', async (startRevision) => {
    const { put, open } = setUp()
    for (let i = 0; i < 2500; i++) put('a')
    const stream = open()
    stream.ask('createRequest', { ...everything, startRevision })
    const seen: (bigint | undefined)[] = []
    while (seen.at(-1) !== 2501n) seen.push(...revisionsOf(await stream.next()))
    const first = startRevision < 2n ? 2n : startRevision
    expect(seen).toEqual(Array.from({ length: Number(2502n - first) }, (_, i) => first + BigInt(i)))
  })

  it('answers a request for progress only when all its watches are up to date', async () => {
    const { put, open } = setUp()
    for (let i = 0; i < 2500; i++) put('a')
    const stream = open()
    stream.ask('createRequest', { ...everything, startRevision: 2n })
    stream.ask('progressRequest', {})
    const responses = []
    do responses.push(await stream.next())
    while (responses.at(-1)?.watchId !== -1n)
    expect(responses.flatMap(revisionsOf).length).toBe(2500)
  })

  it('splits what is too large for one message, for a watch that takes fragments', async () => {
    const { put, open, store } = setUp()
    const big = Buffer.alloc(1024 * 1024)
    store.write((draft) => {
      for (const key of ['a', 'b', 'c']) draft.put(Buffer.from(key), big, 0n)
    })
    put('d')
    const stream = open()
    stream.ask('createRequest', { ...everything, startRevision: 2n, fragment: true })
    const parts = [await stream.next(), await stream.next(), await stream.next(), await stream.next()]
    expect(parts.map(({ fragment, events }) => [fragment, events.length])).toEqual([
      [false, 0],
      [true, 1],
      [true, 1],
      [false, 2],
    ])
  })

  it('keeps nothing once its reader has left', async () => {
    const { clock, put, open } = setUp()
    const stream = open()
    stream.ask('createRequest', everything)
    await stream.next()
    await stream.leave()
    put('a')
    clock.advanceSync(10_000)
    expect(clock.waiting).toBe(0)
  })
})
