import { describe, expect, it } from 'vitest'
import { StreamIds } from '../../src/http2/stream-ids.ts'

const [PROTOCOL_ERROR, STREAM_CLOSED] = [1, 5]

describe('ids of streams', () => {
  it('are odd, and a client’s own go up by two', () => {
    const client = new StreamIds(false)
    expect([client.next(), client.next(), client.next()]).toEqual([1, 3, 5])
    const checks = (id: number) => [() => client.checkOpens(id), () => client.checkOpened(id)]
    for (const check of checks(5)) expect(check).not.toThrow()
    for (const check of [0, 2, 7].flatMap(checks)) expect(check).toThrow(expect.objectContaining({ http2: PROTOCOL_ERROR }))
  })

  it('open a stream once at a server, and are opened then', () => {
    const server = new StreamIds(true)
    expect(() => server.checkOpened(1)).toThrow(expect.objectContaining({ http2: PROTOCOL_ERROR }))
    expect(() => server.checkOpens(1)).not.toThrow()
    expect([server.open(1), server.open(1), server.open(3), server.open(1)]).toEqual([true, false, true, false])
    for (const id of [1, 3]) expect(() => server.checkOpened(id)).not.toThrow()
    server.limit = 3
    expect([server.refused(3), server.refused(5)]).toEqual([false, true])
  })

  it('tell what was skipped from what is closed, and both from what was reset', () => {
    const server = new StreamIds(true)
    for (const id of [1, 7, 9]) server.open(id)
    for (const id of [3, 5]) expect(() => server.checkLate(id)).toThrow(expect.objectContaining({ http2: PROTOCOL_ERROR }))
    for (const id of [1, 7, 9]) expect(() => server.checkLate(id)).toThrow(expect.objectContaining({ http2: STREAM_CLOSED }))
    server.wasReset(7)
    expect(() => server.checkLate(7)).not.toThrow()
    // What a server may do late concerns no client.
    expect(() => new StreamIds(false).checkLate(9)).not.toThrow()
  })

  it('are remembered, the last 64 that were reset and the last 32 gaps', () => {
    const server = new StreamIds(true)
    for (let id = 1; id < 1000; id += 4) server.open(id)
    for (const [id, http2] of [
      [995, PROTOCOL_ERROR],
      [995 - 31 * 4, PROTOCOL_ERROR],
      [995 - 32 * 4, STREAM_CLOSED],
      [993, STREAM_CLOSED],
    ] as const)
      expect(() => server.checkLate(id)).toThrow(expect.objectContaining({ http2 }))
    const once = new StreamIds(true)
    for (let id = 5; id < 1000; id += 2) once.open(id)
    expect(() => once.checkLate(3)).toThrow(expect.objectContaining({ http2: PROTOCOL_ERROR }))
    for (let id = 1; id < 200; id += 2) server.wasReset(id)
    expect([199, 199 - 2 * 63, 199 - 2 * 64].map((id) => server.isReset(id))).toEqual([true, true, false])
  })
})
