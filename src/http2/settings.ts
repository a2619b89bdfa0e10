import { ErrorCode, fault } from './fault.ts'
import { frameHeader, maxFrame, maxWindow, read32, SETTINGS, write16, write32, writeFrameHeader } from './frames.ts'

const HEADER_TABLE_SIZE = 1
const ENABLE_PUSH = 2
const MAX_CONCURRENT_STREAMS = 3
const INITIAL_WINDOW_SIZE = 4
const MAX_FRAME_SIZE = 5
const MAX_HEADER_LIST_SIZE = 6

/** What the peer allows. https://www.rfc-editor.org/rfc/rfc9113#section-6.5.2 */
export interface PeerSettings {
  maxConcurrentStreams: number
  initialWindow: number
  maxFrame: number
  maxHeaderListSize: number
}

/** What holds until the peer's first SETTINGS. */
export function initialSettings(): PeerSettings {
  return {
    maxConcurrentStreams: Number.POSITIVE_INFINITY,
    initialWindow: 65_535,
    maxFrame,
    maxHeaderListSize: Number.POSITIVE_INFINITY,
  }
}

/**
 * Reads the payload of a SETTINGS frame into `settings`, and tells `resize` every size of the header table: the smallest counts as well. RFC 7541, 4.2.
 * Throws faults for values out of range.
 */
export function readSettings(
  from: Buffer,
  start: number,
  end: number,
  settings: PeerSettings,
  server: boolean,
  resize: (headerTable: number) => void,
): void {
  for (let at = start; at < end; at += 6) {
    const value = read32(from, at + 2)
    switch (from.readUInt16BE(at)) {
      case HEADER_TABLE_SIZE:
        resize(value)
        break
      case ENABLE_PUSH:
        if (value > (server ? 1 : 0)) throw fault(ErrorCode.protocolError, `SETTINGS_ENABLE_PUSH cannot be ${value}`)
        break
      case MAX_CONCURRENT_STREAMS:
        settings.maxConcurrentStreams = value
        break
      case INITIAL_WINDOW_SIZE:
        if (value > maxWindow) throw fault(ErrorCode.flowControlError, `SETTINGS_INITIAL_WINDOW_SIZE cannot be ${value}`)
        settings.initialWindow = value
        break
      case MAX_FRAME_SIZE:
        if (value < maxFrame || value > 0xffffff) throw fault(ErrorCode.protocolError, `SETTINGS_MAX_FRAME_SIZE cannot be ${value}`)
        settings.maxFrame = value
        break
      case MAX_HEADER_LIST_SIZE:
        settings.maxHeaderListSize = value
    }
  }
}

/** What this side allows. */
export interface OwnSettings {
  readonly server: boolean
  readonly streamWindow: number
  readonly maxConcurrentStreams: number
  readonly maxHeaderListSize: number
}

/** Bytes of the frame that {@link writeSettings} writes. */
export const settingsLength: number = frameHeader + 18

/** Writes the first SETTINGS frame; returns its end. */
export function writeSettings(to: Uint8Array, start: number, own: OwnSettings): number {
  let at = writeFrameHeader(to, start, settingsLength - frameHeader, SETTINGS, 0, 0)
  at = write32(to, write16(to, at, own.server ? MAX_CONCURRENT_STREAMS : ENABLE_PUSH), own.server ? own.maxConcurrentStreams : 0)
  at = write32(to, write16(to, at, INITIAL_WINDOW_SIZE), own.streamWindow)
  return write32(to, write16(to, at, MAX_HEADER_LIST_SIZE), own.maxHeaderListSize)
}
