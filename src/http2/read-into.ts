import type { Socket } from 'node:net'

/** What a handle of Node's has for `onread`. */
interface Handle {
  useUserBuffer?: (buffer: Buffer) => void
}

/**
 * Has a socket read into `buffer` from now on, and tell `take` how much, in place of emitting `data`: `onread`, which Node gives to sockets that
 * connect and not to those that are accepted. Without it each read takes 64 KiB of fresh memory outside V8's heap. It is Node's own business how
 * that is done: false, and nothing has changed, where it is not done like this.
 */
export function readInto(socket: Socket, buffer: Buffer, take: (length: number) => void): boolean {
  const { _handle: handle } = socket as Socket & { _handle?: Handle | null }
  const symbols = Object.getOwnPropertySymbols(socket)
  const [into, callback] = ['kBuffer', 'kBufferCb'].map((name) => symbols.find(({ description }) => description === name))
  if (into === undefined || callback === undefined || typeof handle?.useUserBuffer !== 'function') return false
  handle.useUserBuffer(buffer)
  Object.assign(socket, {
    [into]: buffer,
    [callback]: (length: number) => {
      take(length)
      return true
    },
  })
  return true
}
