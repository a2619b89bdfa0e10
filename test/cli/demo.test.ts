import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startRegistry } from '../../src/dev/index.ts'
import { etcdClient } from '../../src/etcd/index.ts'
import { type Build, build } from '../support/build.ts'
import { until } from '../support/echo.ts'
import { requireEtcd } from '../support/etcd.ts'
import { cleanEnv, type Program, start } from './process.ts'

let built: Build

beforeAll(async () => {
  built = await build()
}, 120_000)

afterAll(() => built?.[Symbol.dispose]())

/** The demo in a build of its own, so that what it starts can be told from everything else on the machine by its folder. */
function demo(args: readonly string[], env: Readonly<Record<string, string>> = {}): Program {
  return start([built.command, 'demo', ...args], { env: cleanEnv(env) })
}

/** Command lines of processes that this file's demos have started and that still run. */
function leftProcesses(): readonly string[] {
  const all = execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' }).split('\n')
  return all.filter((line) => line.includes(built.directory) && !line.includes('ps -eo'))
}

function directories(): readonly string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith('beckon-demo-'))
}

async function expectNothingLeft(): Promise<void> {
  await until('every process of the demo to end', () => leftProcesses().length === 0)
}

function resultOf(stdout: string): Record<string, unknown> & { perInstance: Record<string, number>; roundRobin: string[] } {
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
}

function expectResult(stdout: string, registry: string): void {
  const result = resultOf(stdout)
  expect(result).toMatchObject({ registry, instances: 3, failed: 0 })
  expect(result.calls).toBeGreaterThan(100)
  expect(result.discoverMs).toBeGreaterThanOrEqual(0)
  expect(result.ejectMs).toBeGreaterThan(0)
  expect(Object.keys(result.perInstance)).toHaveLength(5)
  expect(Object.values(result.perInstance).reduce((sum, count) => sum + count, 0)).toBe(result.calls)
  expect(result.roundRobin).toHaveLength(8)
  expect(new Set(result.roundRobin).size).toBe(3)
  for (let i = 3; i < 8; i++) expect(result.roundRobin[i]).toBe(result.roundRobin[i - 3])
}

describe('beckon demo', () => {
  it('loses no call with the embedded registry, and leaves nothing behind', async () => {
    await using program = demo(['--json'], { PATH: '/nonexistent' })
    const { code, stdout, stderr } = await program.ended
    expect([code, stderr]).toEqual([0, expect.stringContaining('there is no etcd on the PATH')])
    expectResult(stdout, 'embedded')
    await expectNothingLeft()
  }, 120_000)

  it('takes the embedded registry where an etcd cannot be started, and says why', async (ctx) => {
    requireEtcd(ctx)
    await using program = demo([], { TMPDIR: '/nonexistent' })
    await program.says(/because \S*etcd cannot be used: .*\/nonexistent/)
  }, 120_000)

  it('starts an etcd of its own, shows what is registered, and leaves nothing behind', async (ctx) => {
    requireEtcd(ctx)
    const before = directories()
    await using program = demo([])
    const { code, stdout, stderr } = await program.ended
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/Registry {2}etcd \d+\.\d+\.\d+ from the PATH/)
    expect(stdout.match(/^ {2}\/services\/book\/(127\.0\.0\.1:\d+) → \1$/gm)).toHaveLength(3)
    expect(stdout).toMatch(/calls, 0 failed/)
    await expectNothingLeft()
    expect(directories()).toEqual(before)
  }, 120_000)

  it('uses the registry that it is told, and leaves nothing in it', async () => {
    await using registry = await startRegistry().then((server) => ({ ...server, [Symbol.asyncDispose]: () => server.close() }))
    await using program = demo([], { BECKON_REGISTRY: registry.url })
    await program.says('A steady load')
    expect(program.stdout).toContain(`Registry  etcd at ${registry.address}, as flags or environment say`)
    const client = etcdClient({ endpoints: [registry.address] })
    expect((await client.range({ prefix: '/services/book/' })).kvs).toHaveLength(3)
    program.child.kill('SIGTERM')
    expect((await program.ended).code).toBe(143)
    expect((await client.range({ prefix: '/services/book/' })).kvs).toEqual([])
    await client.close()
    await expectNothingLeft()
  }, 120_000)

  it('says so when that registry cannot be used', async () => {
    const cannot = await demo([], { BECKON_REGISTRY: 'fixed://127.0.0.1:1' }).ended
    expect([cannot.code, cannot.stderr]).toEqual([2, expect.stringMatching(/^beckon: the demo needs a registry/)])
    const nobody = await demo(['--registry_address=127.0.0.1:1']).ended
    expect([nobody.code, nobody.stderr]).toEqual([4, expect.stringMatching(/^beckon: unavailable: etcd at 127\.0\.0\.1:1/)])
  })

  it.each(['SIGINT', 'SIGKILL'] as const)(
    'leaves nothing behind when it is ended by %s',
    async (signal) => {
      const before = directories()
      await using program = demo([])
      await program.says('A steady load')
      expect(leftProcesses().length).toBeGreaterThan(3)
      program.child.kill(signal)
      const { code } = await program.ended
      expect(code).toBe({ SIGINT: 130, SIGKILL: null }[signal])
      await expectNothingLeft()
      expect(directories()).toEqual(before)
    },
    60_000,
  )

  it('leaves nothing behind when its output is closed', async () => {
    await using program = demo([])
    await program.says('Eight calls')
    program.child.stdout?.destroy()
    const { code, stderr } = await program.ended
    expect([code, stderr]).toEqual([141, ''])
    await expectNothingLeft()
  }, 120_000)
})
