/** Frames that are about streams or the connection, and carry nothing of a call's. */

import { ACK, copy, frameHeader, GOAWAY, PING, SETTINGS, write32, writeFrameHeader } from './frames.ts'
import type { Output } from './output.ts'

/** Sends a frame whose payload is one number: RST_STREAM or WINDOW_UPDATE. */
export function sendNumber(output: Output, type: number, id: number, value: number): void {
  const at = output.reserve(frameHeader + 4)
  output.length = write32(output.buffer, writeFrameHeader(output.buffer, at, 4, type, 0, id), value)
}

const nothing = Buffer.alloc(8)

/** Sends PING; its payload says nothing, as answers come in the order of what was asked. */
export function sendPing(output: Output): void {
  sendEight(output, 0, nothing, 0)
}

/** Sends the answer to a PING, with the payload that it had. */
export function sendPong(output: Output, from: Buffer, start: number): void {
  sendEight(output, ACK, from, start)
}

function sendEight(output: Output, flags: number, from: Buffer, start: number): void {
  const at = output.reserve(frameHeader + 8)
  const payload = writeFrameHeader(output.buffer, at, 8, PING, flags, 0)
  output.length = payload + from.copy(output.buffer, payload, start, start + 8)
}

/** Sends GOAWAY: streams above `last` are not processed. */
export function sendGoaway(output: Output, last: number, code: number, text: string): void {
  const debug = Buffer.from(text).subarray(0, 256)
  const at = output.reserve(frameHeader + 8 + debug.length)
  const payload = writeFrameHeader(output.buffer, at, 8 + debug.length, GOAWAY, 0, 0)
  output.length = copy(debug, output.buffer, write32(output.buffer, write32(output.buffer, payload, last), code))
}

/** Tells the peer that its SETTINGS hold from now on. */
export function sendSettingsAck(output: Output): void {
  const at = output.reserve(frameHeader)
  output.length = writeFrameHeader(output.buffer, at, 0, SETTINGS, ACK, 0)
}
