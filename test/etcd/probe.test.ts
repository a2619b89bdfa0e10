import { describe, expect, it } from 'vitest'
import type { RpcError } from '../../src/error.ts'
import { createProbe } from '../../src/etcd/probe.ts'
import { manualClock } from '../../src/testing/clock.ts'

function setUp() {
  const clock = manualClock()
  const dead: RpcError[] = []
  const peer = { owes: false, asked: 0 }
  const probe = createProbe(
    { clock, keepalive: { interval: 10_000, timeout: 4000 } },
    { owes: () => peer.owes, ask: () => peer.asked++, dead: (error) => dead.push(error) },
  )
  return { clock, dead, peer, probe }
}

describe('probe', () => {
  it('asks only after silence', async () => {
    const { clock, peer, probe } = setUp()
    probe.start()
    await clock.advance(9999)
    probe.heard()
    await clock.advance(9999)
    expect(peer.asked).toBe(0)
    await clock.advance(1)
    expect(peer.asked).toBe(1)
  })

  it('gives up a peer that used to answer', async () => {
    const { clock, dead, probe } = setUp()
    probe.start()
    await clock.advance(10_000)
    probe.heard()
    await clock.advance(13_999)
    expect(dead).toEqual([])
    await clock.advance(1)
    expect(dead.map(({ message }) => message)).toEqual(['unavailable: nothing heard on the watch stream for 14000 ms'])
  })

  it('bears with a peer that never answered such a question', async () => {
    const { clock, dead, peer, probe } = setUp()
    probe.start()
    await clock.advance(14_000)
    await clock.advance(14_000)
    expect(peer.asked).toBe(2)
    expect(dead).toEqual([])
  })

  it('gives up a peer that owes an answer, counted from when it was asked', async () => {
    const { clock, dead, probe } = setUp()
    probe.start()
    await clock.advance(9000)
    probe.asked()
    await clock.advance(2000)
    probe.asked()
    await clock.advance(1999)
    expect(dead).toEqual([])
    await clock.advance(1)
    expect(dead).toHaveLength(1)
  })

  it('gives a peer that is answering more time', async () => {
    const { clock, dead, peer, probe } = setUp()
    probe.start()
    peer.owes = true
    probe.asked()
    await clock.advance(3000)
    probe.heard()
    await clock.advance(3000)
    expect(dead).toEqual([])
    peer.owes = false
    probe.heard()
    await clock.advance(9000)
    expect(dead).toEqual([])
  })

  it('is quiet when stopped', async () => {
    const { clock, dead, peer, probe } = setUp()
    probe.start()
    probe.asked()
    probe.stop()
    probe.heard()
    probe.asked()
    await clock.advance(60_000)
    expect([dead.length, peer.asked]).toEqual([0, 0])
  })
})
