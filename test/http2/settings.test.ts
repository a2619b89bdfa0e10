import { describe, expect, it } from 'vitest'
import {
  initialSettings,
  type OwnSettings,
  type PeerSettings,
  readSettings,
  settingsLength,
  writeSettings,
} from '../../src/http2/settings.ts'

/** What holds after one SETTINGS frame with these; `resize` hears of the header table. */
function read(all: readonly (readonly [id: number, value: number])[], server = true, resize = (_size: number): void => {}): PeerSettings {
  const bytes = Buffer.alloc(6 * all.length)
  for (const [i, [id, value]] of all.entries()) bytes.writeUInt32BE(value, bytes.writeUInt16BE(id, 6 * i))
  const settings = initialSettings()
  readSettings(bytes, 0, bytes.length, settings, server, resize)
  return settings
}

describe('settings of a peer', () => {
  it('are what RFC 9113 says until others come, and these in their order', () => {
    const unsaid = {
      maxConcurrentStreams: Infinity,
      initialWindow: 65_535,
      maxFrame: 16_384,
      maxHeaderListSize: Infinity,
    }
    expect(read([])).toEqual(unsaid)
    expect(read([[9, 9]])).toEqual(unsaid)
    const said = { maxConcurrentStreams: 3, initialWindow: 4, maxFrame: 16_385, maxHeaderListSize: 6 }
    // The last of several with one id holds; each leaves the others alone.
    const all = [
      [6, 6],
      [5, 16_385],
      [4, 1],
      [4, 4],
      [3, 3],
      [1, 100],
      [1, 5000],
    ] as const
    const sizes: number[] = []
    expect(read(all, true, (size) => sizes.push(size))).toEqual(said)
    expect(sizes).toEqual([100, 5000])
  })

  it('may be as large and as small as the RFC has it, and no larger or smaller', () => {
    expect(read([[4, 0x7fffffff]]).initialWindow).toBe(0x7fffffff)
    expect(() => read([[4, 0x80000000]])).toThrow(expect.objectContaining({ http2: 3 }))
    for (const size of [16_384, 0xffffff]) expect(read([[5, size]]).maxFrame).toBe(size)
    for (const size of [16_383, 0x1000000]) expect(() => read([[5, size]])).toThrow(expect.objectContaining({ http2: 1 }))
  })

  it('turn pushing on at a client only', () => {
    for (const push of [0, 1]) expect(read([[2, push]])).toEqual(initialSettings())
    expect(() => read([[2, 2]])).toThrow(expect.objectContaining({ http2: 1 }))
    expect(read([[2, 0]], false)).toEqual(initialSettings())
    expect(() => read([[2, 1]], false)).toThrow(expect.objectContaining({ http2: 1 }))
  })
})

describe('settings of this side', () => {
  it.each([
    [true, [3, 7]],
    [false, [2, 0]],
  ])('are one frame with what a peer has to know: by a server %s', (server, [id, value]) => {
    const own: OwnSettings = { server, streamWindow: 8, maxConcurrentStreams: 7, maxHeaderListSize: 9 }
    const frame = Buffer.alloc(settingsLength)
    expect(writeSettings(frame, 0, own)).toBe(settingsLength)
    expect([...frame]).toEqual([0, 0, 18, 4, 0, 0, 0, 0, 0, 0, id, 0, 0, 0, value, 0, 4, 0, 0, 0, 8, 0, 6, 0, 0, 0, 9])
  })
})
