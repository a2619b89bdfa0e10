import { create, type DescMessage, type Message, protoInt64 } from '@bufbuild/protobuf'
import { readerSource } from './reader-source.ts'
import * as reading from './reading.ts'
import { writerSource } from './writer-source.ts'
import * as writing from './writing.ts'

/**
 * A message type's own functions, which work in place. They do what is common and give up on all else, so that whatever is
 * unusual or wrong is left to protobuf-es, with its results and its errors.
 */
export interface Compiled {
  /** Writes a message, or an init object, into `to` from `at` on and not beyond `end`; returns where it ends, or -1. */
  write(message: object, to: Buffer, at: number, end: number): number
  /** Reads the message at `start` … `end`, within `depth - 1` others; undefined when it gives up. */
  read(from: Buffer, start: number, end: number, depth: number): Message | undefined
}

const compiledTypes = new WeakMap<DescMessage, Compiled>()

let allowed: boolean | undefined

/** Whether code may be made from strings: not with `--disallow-code-generation-from-strings` and the like. Found out once. */
function mayCompile(): boolean {
  if (allowed === undefined) {
    try {
      allowed = protoInt64.supported && new Function('return true')() === true
    } catch {
      allowed = false
    }
  }
  return allowed
}

/** The functions of a message type, made when they are first called; undefined where code cannot be made from strings. */
export function compiled(schema: DescMessage): Compiled | undefined {
  return mayCompile() ? typeOf(schema) : undefined
}

function typeOf(schema: DescMessage): Compiled {
  let type = compiledTypes.get(schema)
  if (type === undefined) {
    const made: Compiled = {
      write(message, to, at, end) {
        made.write = compileWriter(schema)
        return made.write(message, to, at, end)
      },
      read(from, start, end, depth) {
        made.read = compileReader(schema)
        return made.read(from, start, end, depth)
      },
    }
    type = made
    compiledTypes.set(schema, type)
  }
  return type
}

function compileWriter(schema: DescMessage): Compiled['write'] {
  const { source, messages } = writerSource(schema)
  return make(source, writing, messages.map(typeOf), []) as Compiled['write']
}

function compileReader(schema: DescMessage): Compiled['read'] {
  const { source, messages, constants } = readerSource(schema, create(schema))
  return make(source, reading, messages.map(typeOf), constants) as Compiled['read']
}

/** The one place where code is made from a string. Of a descriptor it holds numbers, and names as string literals only. */
function make(source: string, runtime: object, types: readonly Compiled[], constants: readonly unknown[]): unknown {
  const names = Object.keys(runtime)
  return new Function('runtime', 'types', 'constants', `'use strict'\nconst { ${names.join(', ')} } = runtime\n${source}`)(
    runtime,
    types,
    constants,
  )
}
