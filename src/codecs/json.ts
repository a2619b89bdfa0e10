import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Codec } from '../codec.ts'
import { RpcError } from '../error.ts'
import type { Kind, MethodDefinition } from '../service.ts'

/**
 * JSON text. With a Standard Schema (https://standardschema.dev: zod, valibot, arktype, …) every message is validated on
 * the way out and on the way in, and what fails is `invalid_argument` naming the field. Schemas must be synchronous. Throws
 * `invalid_argument` for a schema that is no Standard Schema.
 */
export function json<T>(schema?: StandardSchemaV1<unknown, T>): Codec<T> {
  if (schema !== undefined && typeof schema?.['~standard']?.validate !== 'function')
    throw new RpcError('invalid_argument', 'schema: must be a Standard Schema (zod from 3.24, valibot from 1.0, arktype from 2.0)')
  const check = schema === undefined ? (message: unknown) => message as T : (message: unknown) => validate(schema, message)
  return {
    name: 'json',
    encode(message) {
      // What is sent is the message as it was given: the peer validates it too, and a schema may transform.
      check(message)
      return print(message)
    },
    decode: (bytes) => check(parse(bytes)),
  }
}

function print(message: unknown): Uint8Array {
  try {
    return Buffer.from(JSON.stringify(message) ?? 'null')
  } catch (cause) {
    throw new RpcError('invalid_argument', `message cannot be written as JSON: ${(cause as Error).message}`, { cause })
  }
}

function parse(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return {}
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString())
  } catch (cause) {
    throw new RpcError('invalid_argument', `message is not JSON: ${(cause as Error).message}`, { cause })
  }
}

function validate<T>(schema: StandardSchemaV1<unknown, T>, message: unknown): T {
  const result = schema['~standard'].validate(message)
  if (result instanceof Promise) {
    // Nobody waits for it: what it rejects with must not end the process.
    result.catch(() => {})
    throw new RpcError('internal', `schema of ${schema['~standard'].vendor} is asynchronous; messages need a synchronous one`)
  }
  if (result.issues === undefined) return result.value
  const issues = result.issues.map(({ path = [], message: text }) => {
    const field = path.map((step) => (typeof step === 'object' ? String(step.key) : String(step))).join('.')
    return field === '' ? text : `${field}: ${text}`
  })
  throw new RpcError('invalid_argument', issues.join('; '))
}

/** Messages as Standard Schemas instead of bare types. */
export interface Schemas<I extends StandardSchemaV1, O extends StandardSchemaV1> {
  /** Of requests. A caller passes what goes into the schema, a handler gets what comes out. */
  readonly input: I
  /** Of responses. A handler returns what goes into the schema, a caller gets what comes out. */
  readonly output: O
  /** As {@link Bare.idempotent}. */
  readonly idempotent?: boolean | undefined
  /** As {@link Bare.name}. */
  readonly name?: string | undefined
}

/** What there is to say of a method besides its messages. */
interface Bare {
  /** Doing it twice is the same as doing it once, so a call that may have been processed may be sent again. Default false. */
  readonly idempotent?: boolean | undefined
  /** Name on the wire. Default: the local name with its first letter in upper case. */
  readonly name?: string | undefined
}

type In<S extends StandardSchemaV1> = StandardSchemaV1.InferInput<S>
type Out<S extends StandardSchemaV1> = StandardSchemaV1.InferOutput<S>

/** Defines a method of one kind, with messages as types (`unary<Req, Res>()`) or as schemas (`unary({ input, output })`). */
export interface Define<K extends Kind> {
  <I extends StandardSchemaV1, O extends StandardSchemaV1>(
    schemas: Schemas<I, O>,
  ): MethodDefinition<{ kind: K; request: In<I>; received: Out<I>; reply: In<O>; response: Out<O> }>
  <Req, Res>(options?: Bare): MethodDefinition<{ kind: K; request: Req; received: Req; reply: Res; response: Res }>
}

function define<K extends Kind>(kind: K): Define<K> {
  return ((options: Partial<Schemas<StandardSchemaV1, StandardSchemaV1>> = {}) => ({
    kind,
    input: json(options.input),
    output: json(options.output),
    idempotent: options.idempotent,
    name: options.name,
  })) as Define<K>
}

/** One request, one response. */
export const unary: Define<'unary'> = define('unary')
/** Many requests, one response. */
export const clientStream: Define<'clientStream'> = define('clientStream')
/** One request, many responses. */
export const serverStream: Define<'serverStream'> = define('serverStream')
/** Many requests, many responses. */
export const bidi: Define<'bidi'> = define('bidi')
