/** Message ⇄ bytes. Throws {@link RpcError} `invalid_argument` naming the field, where the message is at fault. */
export interface Codec<T = unknown> {
  /** Content subtype on the wire: `proto` in `application/grpc+proto`. */
  readonly name: string
  encode(message: T): Uint8Array
  /** `bytes` is only valid during the call: it may lie in a connection's read buffer. Copy what is kept. */
  decode(bytes: Uint8Array): T
}
