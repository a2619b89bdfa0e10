import type { AnyDesc, DescFile, DescService } from '@bufbuild/protobuf'
import { toBinary } from '@bufbuild/protobuf'
import { nestedTypes } from '@bufbuild/protobuf/reflect'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'

/** The files in which services are defined, with all that they import. Files go by their names, as `hello/v1/hello.proto`. */
export interface FileIndex {
  /** Full names, sorted. */
  readonly services: readonly string[]
  /** The name itself, if there is such a file. */
  file(name: string): string | undefined
  /** The file that defines a service, method, message, field, oneof, enum, enum value or extension, by its full name. */
  symbol(name: string): string | undefined
  /** The file that extends a message under a number. */
  extension(message: string, number: number): string | undefined
  /** The numbers under which a message is extended, ascending; undefined for a message that is not known. */
  extensions(message: string): readonly number[] | undefined
  /** A file, then the files it imports, directly or not. */
  withImports(name: string): readonly string[]
  /** A file as a `google.protobuf.FileDescriptorProto`. */
  bytes(name: string): Uint8Array
}

/** Reads the files of services once. */
export function indexFiles(services: readonly DescService[]): FileIndex {
  const files = new Map<string, DescFile>()
  const symbols = new Map<string, string>()
  const extensions = new Map<string, Map<number, string>>()
  for (const { file } of services) add(file)

  function add(file: DescFile): void {
    const { name } = file.proto
    if (files.has(name)) return
    files.set(name, file)
    for (const one of nestedTypes(file)) {
      for (const symbol of namesOf(one)) symbols.set(symbol, name)
      if (one.kind === 'message') numbersOf(one.typeName)
      if (one.kind === 'extension') numbersOf(one.extendee.typeName).set(one.number, name)
    }
    for (const dependency of file.dependencies) add(dependency)
  }

  function numbersOf(message: string): Map<number, string> {
    const numbers = extensions.get(message) ?? new Map<number, string>()
    extensions.set(message, numbers)
    return numbers
  }

  return {
    services: [...new Set(services.map(({ typeName }) => typeName))].sort(),
    file: (name) => (files.has(name) ? name : undefined),
    symbol: (name) => symbols.get(name.replace(/^\./, '')),
    extension: (message, number) => extensions.get(message)?.get(number),
    extensions(message) {
      const numbers = extensions.get(message)
      return numbers && [...numbers.keys()].sort((a, b) => a - b)
    },
    withImports(name) {
      const found = new Set<string>()
      const visit = (file: DescFile | undefined): void => {
        if (file === undefined || found.has(file.proto.name)) return
        found.add(file.proto.name)
        file.dependencies.forEach(visit)
      }
      visit(files.get(name))
      return [...found]
    },
    bytes(name) {
      const file = files.get(name)
      return file === undefined ? new Uint8Array(0) : toBinary(FileDescriptorProtoSchema, file.proto)
    },
  }
}

type Nested = ReturnType<typeof nestedTypes> extends Iterable<infer T> ? T : AnyDesc

/** The full names of a definition and of what it has. The values of an enum are named beside it, as in C++. */
function namesOf(one: Nested): readonly string[] {
  switch (one.kind) {
    case 'message':
      return [one.typeName, ...[...one.fields, ...one.oneofs].map(({ name }) => `${one.typeName}.${name}`)]
    case 'enum': {
      const scope = one.typeName.slice(0, one.typeName.lastIndexOf('.') + 1)
      return [one.typeName, ...one.values.map(({ name }) => `${scope}${name}`)]
    }
    case 'service':
      return [one.typeName, ...one.methods.map(({ name }) => `${one.typeName}.${name}`)]
    default:
      return [one.typeName]
  }
}
