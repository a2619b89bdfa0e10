/**
 * The one error of beckon: gRPC's status codes, with everything needed to tell what happened where.
 * Codes and numbers: https://grpc.io/docs/guides/status-codes/
 */

/** gRPC's sixteen error codes, in the order of their numbers (1 … 16). */
export const codes = [
  'canceled',
  'unknown',
  'invalid_argument',
  'deadline_exceeded',
  'not_found',
  'already_exists',
  'permission_denied',
  'resource_exhausted',
  'failed_precondition',
  'aborted',
  'out_of_range',
  'unimplemented',
  'internal',
  'unavailable',
  'data_loss',
  'unauthenticated',
] as const

/** One of gRPC's sixteen error codes. */
export type Code = (typeof codes)[number]

/** The number a code has on the wire, 1 … 16; that of `unknown` for what is none, as an error must not look like success. */
export function codeToNumber(code: Code): number {
  return codes.indexOf(code) + 1 || 2
}

/** The code of a number on the wire; every number outside 1 … 16 is `unknown`, as gRPC prescribes. */
export function codeFromNumber(number: number): Code {
  return codes[number - 1] ?? 'unknown'
}

/** A detail of an error as gRPC carries it in `grpc-status-details-bin`: a `google.protobuf.Any`. */
export interface ErrorDetail {
  /** Fully qualified message name, without `type.googleapis.com/`. */
  readonly type: string
  readonly value: Uint8Array
}

/** One try of a call at one instance, as listed in {@link RpcError.attempts}. */
export interface Attempt {
  /** Id and address of the instance that was tried; absent when none was found. */
  readonly instance?: string
  readonly address?: string
  readonly error: RpcError
}

/** What an {@link RpcError} carries besides code and message. */
export interface RpcErrorOptions {
  readonly cause?: unknown
  readonly details?: readonly ErrorDetail[] | undefined
  /** Trailers that came with the error, or are to be sent with it. */
  readonly metadata?: Iterable<readonly [string, string | Uint8Array]> | undefined
  /** The peer certainly did not begin to process the call: it may be sent elsewhere, whatever the method. */
  readonly unprocessed?: boolean | undefined
  /** Every attempt that was made, oldest first. */
  readonly attempts?: readonly Attempt[] | undefined
  /** The error ended a call that this process made, as opposed to one thrown by its own code. */
  readonly outbound?: boolean | undefined
}

const brand = Symbol.for('beckon.RpcError')

/**
 * The error of every failed call. `message` is `code: text`; `rawMessage` is the text alone, which is what travels.
 * `instanceof RpcError` also holds across two copies of this package in one process.
 */
export class RpcError extends Error {
  readonly code: Code
  readonly rawMessage: string
  readonly details: readonly ErrorDetail[]
  readonly metadata: readonly (readonly [string, string | Uint8Array])[]
  readonly unprocessed: boolean
  readonly outbound: boolean
  readonly attempts: readonly Attempt[]

  constructor(code: Code, message: string, options: RpcErrorOptions = {}) {
    const text = textOf(message)
    super(`${code}: ${text}`, 'cause' in options ? { cause: options.cause } : undefined)
    this.name = 'RpcError'
    this.code = code
    this.rawMessage = text
    this.details = options.details ?? []
    this.metadata = options.metadata ? [...options.metadata] : []
    this.unprocessed = options.unprocessed ?? false
    this.outbound = options.outbound ?? false
    this.attempts = options.attempts ?? []
    Object.defineProperty(this, brand, { value: true })
  }

  /**
   * Any thrown value as an RpcError: one stays as it is, an aborted signal's reason becomes `canceled`
   * (`deadline_exceeded` for a timeout), everything else the given code with the value as `cause`.
   */
  static from(thrown: unknown, code: Code = 'unknown'): RpcError {
    if (thrown instanceof RpcError) return thrown
    if (thrown instanceof Error) {
      if (thrown.name === 'AbortError') return new RpcError('canceled', thrown.message, { cause: thrown })
      if (thrown.name === 'TimeoutError') return new RpcError('deadline_exceeded', thrown.message, { cause: thrown })
      return new RpcError(code, thrown.message, { cause: thrown })
    }
    return new RpcError(code, textOf(thrown), { cause: thrown })
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: the subclass, where one is asked for; its name is not known here
    if (this !== RpcError) return Function.prototype[Symbol.hasInstance].call(this, value)
    return typeof value === 'object' && value !== null && brand in value
  }
}

/** Anything can be thrown, and be the message of what was. */
function textOf(value: unknown): string {
  try {
    return String(value)
  } catch {
    return Object.prototype.toString.call(value)
  }
}

/**
 * For transports: what the caller of a server is told of what a handler threw, which can be sent whatever that was. An `unavailable` from further on
 * becomes `internal`, as retrying is decided one hop at a time.
 */
export function toReply(thrown: unknown): RpcError {
  const error = RpcError.from(thrown)
  const { code, rawMessage, details, metadata, outbound } = error
  const sendable = details.every((one) => typeof one?.type === 'string' && one.value instanceof Uint8Array)
  if (sendable && !outbound) return error
  const text = sendable ? rawMessage : `${rawMessage} (its details are left out: each needs a type and a value of bytes)`
  // Callers may try elsewhere what is `unavailable`; but this server is, only one that it has called is not. Nor are that one's trailers for them.
  return new RpcError(outbound && code === 'unavailable' ? 'internal' : code, text, {
    cause: error,
    ...(sendable && { details }),
    ...(!outbound && { metadata }),
  })
}
