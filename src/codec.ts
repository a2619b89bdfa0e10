/** Message ⇄ bytes. Throws {@link RpcError} `invalid_argument` naming the field, where the message is at fault. */
export interface Codec<T = unknown> {
  /** Content subtype on the wire: `proto` in `application/grpc+proto`. */
  readonly name: string
  /**
   * The bytes must not change afterwards: they may be sent from where they lie. Whoever gives a `lend` sees to that itself for bytes in the
   * memory that it lends for so many: where a message is large and its length is known beforehand, fresh memory costs much.
   */
  encode(message: T, lend?: (bytes: number) => Buffer): Uint8Array
  /** `bytes` is only valid during the call: it may lie in a connection's read buffer. Copy what is kept. */
  decode(bytes: Uint8Array): T
  /**
   * {@link encode} in place: writes into `to` from `at` on and not beyond `end`; returns where it ends. -1, with whatever written, when it
   * does not fit or anything is out of the ordinary: then `encode` is asked. Never throws.
   */
  write?(message: T, to: Buffer, at: number, end: number): number
  /**
   * {@link decode} of the bytes at `start` … `end`, without a view of them. Where the memory is the message's `own`, nobody writes to it any more:
   * what is large may stay where it is.
   */
  read?(from: Buffer, start: number, end: number, own?: boolean): T
}
