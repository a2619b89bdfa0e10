import type { Socket } from 'node:net'
import { sendGoaway, sendNumber, sendPing, sendPong, sendSettingsAck } from './control-frames.ts'
import { type Block, Decoder, type Parse } from './decoder.ts'
import { Encoder } from './encoder.ts'
import { ErrorCode, type Fault, fault, toFault } from './fault.ts'
import type { Fields } from './fields.ts'
import * as f from './frames.ts'
import { Guard, type GuardLimits } from './guard.ts'
import { HeaderPieces } from './header-pieces.ts'
import { Output } from './output.ts'
import { isWholeData, unpad } from './payload.ts'
import { type FrameSink, Reader } from './reader.ts'
import { Sender, writeHeaders } from './sender.ts'
import { initialSettings, type OwnSettings, type PeerSettings, readSettings, settingsLength, writeSettings } from './settings.ts'
import { StreamIds } from './stream-ids.ts'
import { ReceiveWindow } from './window.ts'

/** What a connection's user does with the streams. Buffers are only valid during the call. Data that a call is given is released by the user. */
export interface Streams<H> {
  /** Calls under way. */
  readonly calls: number
  /** Server: the peer opened a stream. */
  opened(id: number, block: Block<H>, ended: boolean): void
  /** Server: the peer opened a stream and ended it with data that lies whole in `from`. */
  whole(id: number, block: Block<H>, from: Buffer, start: number, end: number): void
  /** Whether the peer may still send on a stream. */
  isOpen(id: number): boolean
  /** Further headers on an open stream: a response or trailers. */
  headers(id: number, block: Block<H>, ended: boolean): void
  /** False when the stream is not open; then the engine releases the data. */
  data(id: number, from: Buffer, start: number, end: number, ended: boolean): boolean
  /** More may be sent on a stream without {@link Sender.open}; false when that makes its window too large. */
  credit(id: number, increment: number): boolean
  /** The stream was reset: by the peer, or by this side for an error of the peer's. */
  wasReset(id: number, code: number, byPeer: boolean): void
  /** The peer's settings arrived or changed. */
  settled(): void
  /** The peer takes again what is sent, after it did not. */
  drained(): void
  /** The peer takes no streams above `last`. */
  goaway(last: number, code: number, text: string): void
  /** The connection is gone. Called once, last. */
  closed(reason: Fault): void
}

/** What a connection is made of. */
export interface ConnectionOptions<H> extends OwnSettings {
  readonly connectionWindow: number
  readonly parse: Parse<H>
  readonly limits: GuardLimits
}

/** Header blocks that are so many times as long, compressed, as their list may be are not taken at all. */
const longestBlock = 16

/** One HTTP/2 connection, client or server: frames, header blocks and flow control; streams are numbers to it. https://www.rfc-editor.org/rfc/rfc9113 */
export class Connection<H> implements FrameSink {
  readonly output: Output
  readonly encoder: Encoder = new Encoder()
  readonly sender: Sender
  readonly ids: StreamIds
  readonly peer: PeerSettings = initialSettings()
  /** The peer's SETTINGS have come. */
  settled = false
  closed = false
  /** When something was last received, on `performance.now()`'s clock. */
  heard: number = performance.now()
  readonly #socket: Socket
  readonly #streams: Streams<H>
  readonly #options: ConnectionOptions<H>
  readonly #window: ReceiveWindow
  readonly #decoder: Decoder<H>
  readonly #reader: Reader
  readonly #guard: Guard
  /** All that the peer has allowed to be sent. */
  #credited = 65_535
  readonly #pongs: (() => void)[] = []
  readonly #pieces: HeaderPieces

  constructor(socket: Socket, streams: Streams<H>, options: ConnectionOptions<H>) {
    this.#socket = socket
    this.#streams = streams
    this.#options = options
    this.output = new Output(socket)
    this.sender = new Sender(this.output, this.encoder)
    this.ids = new StreamIds(options.server)
    this.#window = new ReceiveWindow(options.connectionWindow)
    this.#decoder = new Decoder(options.parse, options.server, options.maxHeaderListSize)
    this.#reader = new Reader(this)
    this.#guard = new Guard(options.limits)
    this.#pieces = new HeaderPieces({ maxBytes: longestBlock * options.maxHeaderListSize, maxFrames: options.limits.maxHeaderFrames })
    this.output.onDrain = () => {
      if (options.server) socket.resume()
      streams.drained()
      this.sender.pump()
    }
  }

  /** Sends what begins a connection: once, when the socket is connected. */
  begin(): void {
    const { output } = this
    let at = output.reserve(f.preface.length + settingsLength)
    if (!this.#options.server) at = f.copy(f.preface, output.buffer, at)
    output.length = writeSettings(output.buffer, at, this.#options)
    const more = this.#window.size - 65_535
    if (more > 0) sendNumber(this.output, f.WINDOW_UPDATE, 0, more)
  }

  /** Takes what was received, after the client's preface. It is only read during the call. */
  receive(from: Buffer, start: number, end: number): void {
    this.heard = performance.now()
    try {
      if (!this.closed) this.#reader.read(from, start, end)
    } catch (thrown) {
      this.fail(toFault(thrown))
    }
    if (this.output.waiting > this.#options.limits.maxUnreadBytes) this.#leave()
    // A server can wait; a client must go on reading, or two that wait for each other never end.
    else if (this.output.blocked && this.#options.server) this.#socket.pause()
  }

  /** Sends a header block now. Of the first `stable` names and values, new ones enter the table. */
  sendHeaders(id: number, fields: Fields, stable: number, ended: boolean): void {
    writeHeaders(this.output, this.encoder.encode(fields, stable), id, ended, this.peer.maxFrame)
    // The caller is not done with the stream yet. What does not wait for windows is written whether the peer reads or not.
    if (this.output.waiting > this.#options.limits.maxUnreadBytes) process.nextTick(() => this.#leave())
  }

  /** The peer has left half as much unread as it may: what can be short has to be. */
  get laden(): boolean {
    return this.output.waiting * 2 > this.#options.limits.maxUnreadBytes
  }

  /** Gives up a peer that does not read. */
  #leave(): void {
    this.close(fault(ErrorCode.enhanceYourCalm, 'peer does not read what it is sent'))
  }

  /** Ends a stream at once, in both directions. */
  reset(id: number, code: number): void {
    this.sender.drop(id)
    this.ids.wasReset(id)
    sendNumber(this.output, f.RST_STREAM, id, code)
  }

  /** Data was used up: gives room back to the peer, on the connection and, as much or `onStream`, on its stream unless that has ended (no window). */
  release(bytes: number, id: number, window: ReceiveWindow | undefined, onStream: number = bytes): void {
    const all = this.#window.release(bytes)
    if (all > 0) sendNumber(this.output, f.WINDOW_UPDATE, 0, all)
    const one = window?.release(onStream) ?? 0
    if (one > 0) sendNumber(this.output, f.WINDOW_UPDATE, id, one)
  }

  /** Asks the peer for a sign of life. */
  ping(onPong: () => void): void {
    this.#pongs.push(onPong)
    sendPing(this.output)
  }

  /** Tells the peer that streams above `last` are not processed, nor above what it was told before: peers do not forgive a number that grows. */
  goaway(last: number, code: number, text: string): void {
    sendGoaway(this.output, Math.min(last, this.ids.limit), code, text)
  }

  /** Ends the connection for a fault that was found here: tells the peer, then closes. */
  fail(reason: Fault): void {
    if (this.closed) return
    this.goaway(this.#options.server ? this.ids.last : 0, reason.http2, reason.message)
    this.#closed(reason)
    this.output.end()
    // Reading on lets the peer see the GOAWAY before a reset.
    this.#socket.resume()
    this.#destroyLater()
  }

  /** Ends the connection: sends what waits in the output if `flush`, and drops the rest. */
  close(reason: Fault, flush = false): void {
    if (this.closed) return
    this.#closed(reason)
    if (flush) {
      this.output.end()
      this.#socket.destroySoon()
      this.#destroyLater()
    } else {
      this.output.close()
      this.#socket.destroy()
    }
  }

  #destroyLater(): void {
    setTimeout(() => this.#socket.destroy(), 1000).unref()
  }

  #closed(reason: Fault): void {
    this.closed = true
    this.#reader.close()
    this.#streams.closed(reason)
  }

  frame(type: number, flags: number, id: number, from: Buffer, start: number, end: number, limit: number): number {
    if (this.#pieces.id !== 0 && (type !== f.CONTINUATION || id !== this.#pieces.id)) throw protocol('header block is not continued')
    if (!this.settled && (type !== f.SETTINGS || flags & f.ACK)) throw protocol('the first frame is not SETTINGS')
    if (type === f.DATA) this.#data(flags, id, from, start, end)
    else if (type === f.HEADERS) return this.#headers(flags, id, from, start, end, limit)
    else if (type === f.CONTINUATION) this.#continuation(flags, id, from, start, end)
    else this.#control(type, flags, id, from, start, end)
    return end
  }

  #data(flags: number, id: number, from: Buffer, frameStart: number, frameEnd: number): void {
    this.ids.checkOpened(id)
    if (!this.#window.receive(frameEnd - frameStart)) throw fault(ErrorCode.flowControlError, 'more data than the window allows')
    const { start, end } = unpad(flags, from, frameStart, frameEnd)
    if (start === end && !(flags & f.END_STREAM)) this.#guard.control(this.heard)
    const padding = frameEnd - frameStart - (end - start)
    if (padding > 0) {
      this.release(padding, id, undefined)
      if (!(flags & f.END_STREAM) && this.#streams.isOpen(id)) sendNumber(this.output, f.WINDOW_UPDATE, id, padding)
    }
    if (this.#streams.data(id, from, start, end, (flags & f.END_STREAM) !== 0)) return
    this.release(end - start, id, undefined)
    // A stream that still sends its answer does not care for the rest of its request.
    if (!this.#options.server || this.ids.isReset(id) || this.sender.get(id) !== undefined) return
    this.streamError(id, ErrorCode.streamClosed)
  }

  #headers(flags: number, id: number, from: Buffer, frameStart: number, frameEnd: number, limit: number): number {
    const padded = unpad(flags, from, frameStart, frameEnd)
    const start = flags & f.PRIORITIZED ? padded.start + 5 : padded.start
    if (start > padded.end) throw fault(ErrorCode.frameSizeError, 'HEADERS frame is too short')
    this.ids.checkOpens(id)
    const own = (flags & f.PRIORITIZED) !== 0 && f.read31(from, padded.start) === id
    if (flags & f.END_HEADERS) return this.#block(flags, id, from, start, padded.end, frameEnd, limit, own)
    this.#pieces.begin(id, flags, from.subarray(start, padded.end))
    return frameEnd
  }

  #continuation(flags: number, id: number, from: Buffer, start: number, end: number): void {
    if (this.#pieces.id === 0) throw protocol('CONTINUATION without HEADERS')
    const block = this.#pieces.add(flags, from.subarray(start, end))
    if (block !== undefined) this.#block(this.#pieces.flags, id, block, 0, block.length, 0, 0, false)
  }

  /** Takes a whole header block; returns where the frame after it, and the one after that if it was taken too, ends. */
  #block(
    flags: number,
    id: number,
    from: Buffer,
    start: number,
    end: number,
    next: number,
    limit: number,
    dependsOnItself: boolean,
  ): number {
    const block = this.#decoder.block(from, start, end)
    const ended = (flags & f.END_STREAM) !== 0
    const opens = this.#options.server && this.ids.open(id)
    if (opens && this.ids.refused(id)) return next
    if (!opens && !this.#streams.isOpen(id)) {
      if (this.sender.get(id) === undefined) this.ids.checkLate(id)
      if (this.#options.server) this.#guard.control(this.heard)
      return next
    }
    if (block.fault !== '' || dependsOnItself || (this.#options.server && block.opens !== opens) || !(opens || ended || block.opens)) {
      this.streamError(id, ErrorCode.protocolError)
    } else if (!opens) this.#streams.headers(id, block, ended)
    else if (ended) this.#streams.opened(id, block, true)
    else if (isWholeData(id, from, next, limit)) {
      const stop = next + f.frameHeader + ((from[next + 1] as number) << 8) + (from[next + 2] as number)
      const first = next + f.frameHeader
      if (!this.#window.receive(stop - first)) throw fault(ErrorCode.flowControlError, 'more data than the window allows')
      this.#streams.whole(id, block, from, first, stop)
      return stop
    } else this.#streams.opened(id, block, false)
    return next
  }

  #control(type: number, flags: number, id: number, from: Buffer, start: number, end: number): void {
    const length = end - start
    if (type !== f.RST_STREAM && type !== f.WINDOW_UPDATE && type !== f.PING) this.#guard.control(this.heard)
    switch (type) {
      case f.SETTINGS:
        if (id !== 0) throw protocol('SETTINGS on a stream')
        if (flags & f.ACK ? length !== 0 : length % 6 !== 0) throw wrongSize('SETTINGS')
        if (!(flags & f.ACK)) this.#settings(from, start, end)
        break
      case f.PING:
        if (id !== 0) throw protocol('PING on a stream')
        if (length !== 8) throw wrongSize('PING')
        if (flags & f.ACK) this.#pongs.shift()?.()
        else {
          // Whatever was sent or begun since the last one makes a PING reasonable.
          this.#guard.ping(this.heard, this.#credited - this.sender.window + this.ids.last, this.#streams.calls)
          sendPong(this.output, from, start)
        }
        break
      case f.WINDOW_UPDATE:
        if (length !== 4) throw wrongSize('WINDOW_UPDATE')
        this.#credit(id, f.read31(from, start))
        break
      case f.RST_STREAM:
        this.ids.checkOpened(id)
        if (length !== 4) throw wrongSize('RST_STREAM')
        if (this.#options.server) this.#guard.reset(this.heard)
        this.sender.drop(id)
        this.#streams.wasReset(id, f.read32(from, start), true)
        break
      case f.GOAWAY:
        if (id !== 0) throw protocol('GOAWAY on a stream')
        if (length < 8) throw wrongSize('GOAWAY')
        this.#streams.goaway(
          f.read31(from, start),
          f.read32(from, start + 4),
          from.toString('latin1', start + 8, Math.min(end, start + 264)),
        )
        break
      case f.PRIORITY:
        if (id === 0) throw protocol('PRIORITY on no stream')
        if (length !== 5) this.streamError(id, ErrorCode.frameSizeError)
        else if (f.read31(from, start) === id) this.streamError(id, ErrorCode.protocolError)
        break
      case f.PUSH_PROMISE:
        throw protocol('PUSH_PROMISE was not allowed')
    }
  }

  #settings(from: Buffer, start: number, end: number): void {
    const { initialWindow } = this.peer
    readSettings(from, start, end, this.peer, this.#options.server, (size) => this.encoder.resize(size))
    this.sender.maxFrame = this.peer.maxFrame
    // Before what the new windows let through.
    sendSettingsAck(this.output)
    if (this.peer.initialWindow !== initialWindow) {
      // Every stream is looked at.
      this.#guard.control(this.heard, this.sender.size / 256)
      this.sender.shift(this.peer.initialWindow - initialWindow)
    }
    this.settled = true
    this.#streams.settled()
  }

  #credit(id: number, increment: number): void {
    if (id === 0) {
      if (increment === 0) throw protocol('WINDOW_UPDATE of 0')
      this.sender.window += increment
      this.#credited += increment
      if (this.sender.window > f.maxWindow) throw fault(ErrorCode.flowControlError, 'window of the connection is too large')
      this.sender.pump()
      return
    }
    this.ids.checkOpened(id)
    if (increment === 0) {
      this.streamError(id, ErrorCode.protocolError)
      return
    }
    const outgoing = this.sender.get(id)
    const fits = outgoing === undefined ? this.#streams.credit(id, increment) : this.sender.credit(outgoing, increment)
    if (!fits) this.streamError(id, ErrorCode.flowControlError)
  }

  /** Ends one stream for an error of the peer's. */
  streamError(id: number, code: number): void {
    if (this.#options.server) this.#guard.reset(this.heard)
    this.reset(id, code)
    this.#streams.wasReset(id, code, false)
  }
}

function protocol(message: string): Fault {
  return fault(ErrorCode.protocolError, message)
}

function wrongSize(frame: string): Fault {
  return fault(ErrorCode.frameSizeError, `${frame} frame of a wrong size`)
}
