import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { root } from './source.ts'

/** What pieces of code take from the text around them. A piece that declares one of these names itself means its own. */
const given = `
declare const Greeter: typeof import('./gen/hello_pb.js').Greeter
declare const createClient: typeof import('beckon').createClient
declare const createServer: typeof import('beckon').createServer
declare const registry: import('beckon').Registry
declare const server: import('beckon').Server
declare const signal: AbortSignal
declare const enough: (change: { id: string }) => boolean
type Shape<K, Req, Res> = { kind: K; request: Req; received: Req; reply: Res; response: Res }
declare const users: import('beckon').Client<import('beckon').Service<{
  get: Shape<'unary', { id: string }, { id: string }>
  watch: Shape<'serverStream', { since: number }, { id: string }>
}>>
declare const Orders: import('beckon').Service<{ place: Shape<'unary', { userId: string }, object> }>
`

it('code in README.md and docs/ is TypeScript that compiles', () => {
  const docs = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'))
  const directory = mkdtempSync(join(tmpdir(), 'beckon-snippets-'))
  try {
    let pieces = 0
    for (const page of ['README.md', ...docs.map((name) => `docs/${name}`)])
      for (const [, code = ''] of readFileSync(join(root, page), 'utf8').matchAll(/^```ts\n(.*?)^```$/gms))
        writeFileSync(join(directory, `${page.replace('/', '-')}-${++pieces}.ts`), `${code.replace(/^\s*…$/gm, 'return {}')}\nexport {}\n`)
    expect(pieces).toBeGreaterThan(8)
    writeFileSync(join(directory, 'given.d.ts'), given)
    writeFileSync(join(directory, 'package.json'), '{"type":"module"}')
    cpSync(join(root, 'examples/gen'), join(directory, 'gen'), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'))
    const { paths } = JSON.parse(readFileSync(join(root, 'tsconfig.test.json'), 'utf8')).compilerOptions as {
      paths: Record<string, string[]>
    }
    const options = {
      noEmit: true,
      rootDir: '/',
      isolatedDeclarations: false,
      noUnusedLocals: false,
      paths: Object.fromEntries(Object.entries(paths).map(([door, files]) => [door, files.map((file) => join(root, file))])),
    }
    writeFileSync(
      join(directory, 'tsconfig.json'),
      JSON.stringify({ extends: join(root, 'tsconfig.json'), compilerOptions: options, include: ['*.ts'] }),
    )
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    const { stdout, stderr } = spawnSync(process.execPath, [tsc, '-p', directory], { encoding: 'utf8' })
    expect(`${stdout}${stderr}`).toBe('')
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}, 120_000)
