import { describe, expect, it } from 'vitest'
import { KV } from '../../src/gen/etcd/rpc_pb.ts'
import { besideEtcd } from './beside.ts'
import { bytes, type Peer, plain, watch } from './peer.ts'

/** Holds a conversation on a Watch call, and returns all that was answered, watch by watch: among them there is no order. */
async function conversation(on: Peer): Promise<unknown> {
  const put = (key: string) => on.call(KV.method.put, { key: bytes(key), value: bytes('v') })
  const call = watch(on)
  const answers = (count: number) => expect.poll(() => call.received.length, { timeout: 10_000 }).toBe(count)
  const ask = async (kind: string, value: object, count: number) => {
    const before = call.received.length
    call.send({ requestUnion: { case: kind, value } as never })
    await answers(before + count)
  }

  for (const key of ['a', 'b', 'c', 'd', 'e', 'a']) await put(key)
  await on.call(KV.method.compact, { revision: 4n, physical: true })
  await ask('createRequest', { key: bytes('a') }, 1)
  await ask('createRequest', { key: bytes('a'), watchId: 7n, prevKv: true }, 1)
  await ask('createRequest', { key: bytes('a'), watchId: 7n }, 1)
  await ask('createRequest', { key: bytes('b'), rangeEnd: bytes('a') }, 1)
  await ask('createRequest', { key: bytes('b'), rangeEnd: bytes('b') }, 1)
  await ask('createRequest', { key: bytes('z'), startRevision: 100n }, 1)
  await ask('createRequest', { rangeEnd: bytes('\0'), startRevision: 6n, progressNotify: true }, 2)
  await ask('createRequest', { key: bytes('z'), startRevision: 2n }, 2)
  await ask('createRequest', { key: bytes('c'), startRevision: 4n }, 2)
  await ask('progressRequest', {}, 1)
  await ask('cancelRequest', { watchId: 99n }, 0)
  await ask('cancelRequest', { watchId: 0n }, 1)
  await ask('cancelRequest', { watchId: 7n }, 1)
  await ask('createRequest', { key: bytes('z'), watchId: 7n }, 1)
  await put('z')
  await answers(18)
  call.end()
  await put('a')
  await answers(19)
  call.cancel()
  return call.received.toSorted((a, b) => Number(a.watchId - b.watchId)).map((response) => plain(response))
}

describe('a Watch call', () => {
  it('goes as with etcd: creating, replaying, refusing, canceling, reporting, and on after the last request', (context) =>
    besideEtcd(context, async (ours, theirs) => {
      expect(await conversation(ours)).toEqual(await conversation(theirs))
    }))
})
