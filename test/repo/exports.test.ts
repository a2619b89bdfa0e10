import { execFile } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { doors, type Exports, mismatches } from './exports.ts'
import { root } from './source.ts'

const run = promisify(execFile)
const { exports, bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: Exports; bin: { beckon: string } }

/** A build of its own, in a folder from which the dependencies are found and which no other test touches. */
let built: string
let files: readonly string[]

beforeAll(async () => {
  built = mkdtempSync(join(root, 'node_modules', '.beckon-'))
  const dist = join(built, 'dist')
  copyFileSync(join(root, 'package.json'), join(built, 'package.json'))
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  await run(process.execPath, [compiler, '-p', root, '--outDir', dist, '--noCheck']).catch((error) => {
    throw new Error(`src/ does not compile:
${error.stdout}`)
  })
  files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).map((file) => file.split(sep).join('/'))
})

afterAll(() => rmSync(built, { recursive: true, force: true }))

/** What a package that others import may export of ours, its types left to be inferred. */
const shared = `
import { bidi, byVersion, chain, clientStream, createChannel, createClient, createServer, defineService, derive, instancesOf, serverStream, unary } from 'beckon'
import { p2c } from 'beckon/balancers/p2c'
import { json } from 'beckon/codecs/json'
import { startRegistry } from 'beckon/dev'
import { etcdClient } from 'beckon/etcd'
import { flags } from 'beckon/flags'
import { peakEwma } from 'beckon/load/peak-ewma'
import { logging } from 'beckon/middleware/logging'
import { retry } from 'beckon/middleware/retry'
import { retryBudget } from 'beckon/middleware/retry-budget'
import { timeout } from 'beckon/middleware/timeout'
import { etcd, etcdNaming, goKit, goMicro, goZero, kitex, kratos, rpcx } from 'beckon/registries/etcd'
import { etcdV2 } from 'beckon/registries/etcd-v2'
import { health } from 'beckon/services/health'
import { reflection } from 'beckon/services/reflection'
import { balancerSuite, manualClock, registrySuite, transportSuite } from 'beckon/testing'
import { grpc } from 'beckon/transports/grpc'
import { mucp } from 'beckon/transports/mucp'
import { z } from 'zod'
export const Users = defineService('users.Users', {
  get: unary({ input: z.object({ id: z.string() }), output: z.object({ id: z.string() }), idempotent: true }),
  add: clientStream<{ id: string }, { count: number }>(),
  watch: serverStream<{ since: number }, { id: string }>({ name: 'Follow' }),
  talk: bidi<{ text: string }, { text: string }>(),
})
export const registry = etcd({ layouts: [etcdNaming(), goKit(), goMicro(), goZero(), kitex(), kratos(), rpcx()] })
export const users = createClient(Users, { registry })
export const get = users.get
export const channel = createChannel({ service: 'users', registry })
export const server = createServer({ name: 'users', registry })
export const parts = { a: etcdV2(), b: grpc(), c: mucp(), d: health(), e: reflection(), f: p2c(), g: peakEwma(), h: flags(), i: json<number>() }
export const layers = [chain(), retry(), retryBudget(), timeout(1), logging({ logger: console })]
export const more = { byVersion, derive, instancesOf, client: etcdClient(), dev: startRegistry(), balancerSuite, manualClock, registrySuite, transportSuite }
`

describe('exports of package.json', () => {
  it('open what is public in dist, and nothing else', () => {
    expect(mismatches(exports, files)).toEqual([])
  })

  it('can be imported by name, each in Node itself', async () => {
    const names = [...doors(exports, files).values()]
    const script = `for (const name of ${JSON.stringify(names)}) console.log(name, Object.keys(await import(name)).length)`
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: built })
    expect(stdout.trim().split('\n')).toEqual(names.map((name) => expect.stringMatching(new RegExp(`^${name} [1-9]`))))
  })

  it('have types that packages which share a contract or a client can declare', async () => {
    const user = join(built, 'user')
    mkdirSync(join(user, 'node_modules/beckon'), { recursive: true })
    for (const part of ['package.json', 'dist']) cpSync(join(built, part), join(user, 'node_modules/beckon', part), { recursive: true })
    writeFileSync(join(user, 'package.json'), '{"type":"module"}')
    writeFileSync(join(user, 'shared.ts'), shared)
    const compilerOptions = { declaration: true, strict: true, module: 'nodenext', target: 'es2023', types: ['node'], outDir: 'out' }
    writeFileSync(join(user, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['shared.ts'] }))
    const compiled = run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc')], { cwd: user })
    expect(await compiled.catch(({ stdout }) => stdout)).toMatchObject({ stdout: '' })
  })

  it('keep the inside inside', async () => {
    const importing = run(process.execPath, ['--input-type=module', '-e', `await import('beckon/http2/frames')`], { cwd: built })
    await expect(importing).rejects.toThrow('ERR_PACKAGE_PATH_NOT_EXPORTED')
  })

  it('are told, every door, in docs/architecture.md', () => {
    const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8')
    expect([...doors(exports, files).values()].filter((door) => !page.includes(`\`${door}\``))).toEqual([])
  })

  it('come with a command that exists', () => {
    expect(files).toContain(bin.beckon.replace(/^(\.\/)?dist\//, ''))
    expect(readFileSync(join(built, bin.beckon), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
  })
})

describe('a mismatch', () => {
  const pair = (name: string): string[] => [`${name}.js`, `${name}.d.ts`]
  const here = [
    ...pair('index'),
    ...pair('error'),
    ...pair('etcd/index'),
    ...pair('etcd/kv'),
    ...pair('load/ewma'),
    ...pair('http2/frames'),
  ]
  const right: Exports = { '.': './dist/index.js', './etcd': './dist/etcd/index.js', './load/*': './dist/load/*.js' }

  it.each<[string, Exports, readonly string[]]>([
    ['exports["./dev"] leads nowhere', { ...right, './dev': './dist/dev/index.js' }, here],
    ['exports["./load/*"] leads nowhere', right, here.filter((file) => !file.startsWith('load/'))],
    ['no door opens dist/load/ewma.js', { '.': './dist/index.js', './etcd': './dist/etcd/index.js' }, here],
    ['no door opens dist/brokers/nats.js', right, [...here, ...pair('brokers/nats')]],
    ['beckon/load/ewma/inner opens dist/load/ewma/inner.js, which is inside', right, [...here, ...pair('load/ewma/inner')]],
    ['beckon/http2/frames opens dist/http2/frames.js, which is inside', { ...right, './http2/*': './dist/http2/*.js' }, here],
    ['dist/load/ewma.js has no declarations', right, here.filter((file) => file !== 'load/ewma.d.ts')],
  ])('is told: %s', (line, wrong, there) => {
    expect(mismatches(wrong, there)).toEqual([line])
  })

  it('is none where all is right, also with a folder closed by null', () => {
    expect(mismatches(right, here)).toEqual([])
    expect(mismatches({ ...right, './load/ewma/*': null }, [...here, ...pair('load/ewma/inner')])).toEqual([])
  })
})
