import { isBuiltin } from 'node:module'
import { posix } from 'node:path'
import type { SourceFile } from './source.ts'

/** A part of src/, the files it is made of, and the parts it may import besides itself. */
interface Part {
  readonly name: string
  readonly files: RegExp
  readonly imports: readonly string[] | 'all'
}

/** The layer rule of docs/architecture.md. The first part whose pattern matches owns the file. */
const parts: readonly Part[] = [
  {
    name: 'words',
    files:
      /^(abort|address|backoff|balancer|broker|check|clock|codec|derive|endpoint|error|filter|headers|instances|logger|registry|service|standard|stream|transport)\.ts$/,
    imports: [],
  },
  { name: 'engine', files: /^(advertised|channel|client|node|pool|ready|server|signals)\.ts$/, imports: ['words'] },
  { name: 'http2', files: /^http2\//, imports: [] },
  { name: 'gen', files: /^gen\//, imports: [] },
  { name: 'load', files: /^load\//, imports: ['words'] },
  { name: 'balancers', files: /^balancers\//, imports: ['words', 'load'] },
  { name: 'middleware', files: /^middleware\//, imports: ['words'] },
  { name: 'codecs/protobuf', files: /^codecs\/protobuf(\.ts$|\/)/, imports: ['words'] },
  { name: 'codecs', files: /^codecs\//, imports: ['words'] },
  { name: 'transports/grpc', files: /^transports\/grpc(\.ts$|\/)/, imports: ['words', 'http2'] },
  { name: 'transports', files: /^transports\//, imports: ['words'] },
  { name: 'etcd', files: /^etcd\//, imports: ['words', 'transports/grpc', 'codecs/protobuf', 'gen'] },
  { name: 'registries/etcd', files: /^registries\/etcd(\.ts$|\/)/, imports: ['words', 'etcd'] },
  // What both APIs of etcd have in common lies with the one that stays.
  { name: 'registries/etcd-v2', files: /^registries\/etcd-v2(\.ts$|\/)/, imports: ['words', 'etcd', 'registries/etcd'] },
  { name: 'registries', files: /^registries\//, imports: ['words'] },
  { name: 'services', files: /^services\//, imports: ['words', 'codecs/protobuf', 'gen'] },
  { name: 'brokers', files: /^brokers\//, imports: ['words'] },
  { name: 'dev', files: /^dev\//, imports: ['words', 'transports/grpc', 'codecs/protobuf', 'gen'] },
  // The edge: where defaults are chosen and everything is put together.
  { name: 'testing', files: /^testing\//, imports: 'all' },
  { name: 'cli', files: /^cli\//, imports: 'all' },
  { name: 'edge', files: /^(index|defaults|flags|registry-url)\.ts$/, imports: 'all' },
]

/** Which third-party package may be imported where; `node:` builtins may be imported anywhere, but for {@link forbidden}. */
const packages: Readonly<Record<string, RegExp>> = {
  '@bufbuild/protobuf': /^(gen|codecs|services|etcd|dev|cli|testing)\/|^(service|defaults)\.ts$/,
  '@standard-schema/spec': /^codecs\/|^service\.ts$/,
  commander: /^cli\//,
  protobufjs: /^cli\//,
  pino: /^cli\/|^defaults\.ts$/,
}

/** The engine is our own. */
const forbidden = new Set(['node:http2', 'http2'])

/** Names of the packages that src/ may depend on at run time. */
export const allowedPackages: readonly string[] = Object.keys(packages)

/** What a file imports or re-exports, types included, in its own words. */
export function importsOf(text: string): readonly string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
  const statements = code.matchAll(/^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm)
  const bare = code.matchAll(/^\s*import\s*['"]([^'"]+)['"]/gm)
  const dynamic = code.matchAll(/\b(?:import|require)\s*\(\s*['"]([^'"]+)['"]/g)
  return [...statements, ...bare, ...dynamic].map(([, specifier]) => specifier ?? '')
}

/** One line for every import that the rule does not allow, and for every file it does not know. */
export function violations(files: readonly SourceFile[]): readonly string[] {
  return files.flatMap(({ path, text }) => {
    const part = partOf(path)
    if (part === undefined) return [`src/${path} belongs to no part: add it to test/repo/layers.ts`]
    return importsOf(text).flatMap((specifier) => {
      const why = specifier.startsWith('.') ? inside(part, posix.join(posix.dirname(path), specifier)) : outside(path, specifier)
      return why === undefined ? [] : [`src/${path} imports ${specifier}: ${why}`]
    })
  })
}

function inside(part: Part, target: string): string | undefined {
  const other = partOf(target)
  if (target.startsWith('..') || other === undefined) return 'it is no part of src/'
  if (part.imports === 'all' || other.name === part.name || part.imports.includes(other.name)) return undefined
  return `${part.name} may not import ${other.name}`
}

function outside(path: string, specifier: string): string | undefined {
  if (forbidden.has(specifier)) return 'the HTTP/2 engine is our own'
  if (specifier.startsWith('node:')) return undefined
  if (isBuiltin(specifier)) return `write node:${specifier}`
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
  const where = packages[name]
  if (where === undefined) return `${name} is not one of the few dependencies (${allowedPackages.join(', ')})`
  return where.test(path) ? undefined : `${name} is not used in this part`
}

function partOf(path: string): Part | undefined {
  return parts.find(({ files }) => files.test(path))
}
