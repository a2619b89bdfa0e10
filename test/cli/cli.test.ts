import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DevRegistry, startRegistry } from '../../src/dev/index.ts'
import type { Server } from '../../src/index.ts'
import { etcd, goKit as goKitLayout } from '../../src/registries/etcd.ts'
import type { Registry } from '../../src/registry.ts'
import { mucp } from '../../src/transports/mucp.ts'
import { root } from '../repo/source.ts'
import { type Build, build } from '../support/build.ts'
import { startEcho } from '../support/echo.ts'
import { cleanEnv, type Ended, type Program, start } from './process.ts'

let built: Build
let registryServer: DevRegistry
let registry: Registry
let echo: Server

beforeAll(async () => {
  built = await build()
  registryServer = await startRegistry()
  registry = etcd({ endpoints: [registryServer.address] })
  echo = await startEcho({ registry, who: 'echo-1', version: '7', metadata: { rack: 'b' } })
}, 120_000)

afterAll(async () => {
  await echo?.close()
  await registry?.close()
  await registryServer?.close()
  built?.[Symbol.dispose]()
})

function spawnBeckon(args: readonly string[], stdin?: string): Program {
  const env = cleanEnv({ BECKON_REGISTRY: registryServer.url })
  return start([built.command, ...args], { env, cwd: root, ...(stdin !== undefined && { stdin }) })
}

function beckon(args: readonly string[], stdin = ''): Promise<Ended> {
  return spawnBeckon(args, stdin).ended
}

/** Ends with a code, says why on stderr, in few lines and without a stack, and nothing on stdout. */
function expectFailure(ended: Ended, code: number, reason: RegExp): void {
  expect(ended).toEqual({ code, stdout: '', stderr: expect.stringMatching(reason) })
  expect(ended.stderr).toMatch(/^beckon: /)
  expect(ended.stderr).not.toMatch(/^\s+at /m)
  expect(ended.stderr.trim().split('\n').length).toBeLessThanOrEqual(3)
}

describe('beckon', () => {
  it('says how each command is used, with an example', async () => {
    for (const command of ['dev', 'services', 'describe', 'watch', 'call', 'demo']) {
      const { code, stdout } = await beckon([command, '--help'])
      expect(code).toBe(0)
      expect(stdout).toMatch(new RegExp(`Examples?:\n {2}\\$ beckon ${command}`))
    }
    const { stdout } = await beckon(['--help'])
    expect((await beckon(['call', '--help'])).stdout).not.toContain('[]')
    expect(stdout).toContain('--registry_address')
    expect(stdout).toContain('Exit codes')
  })

  it('says where the registry is named in the help of each command that asks one', async () => {
    for (const command of ['services', 'describe', 'watch', 'call', 'demo'])
      expect((await beckon([command, '--help'])).stdout, command).toContain('--registry_address=host:port')
  })

  it('helps on request, which is no failure; without a command it is', async () => {
    const help = await beckon(['help'])
    expect([help.code, help.stderr]).toEqual([0, ''])
    expect(help.stdout).toContain('Usage: beckon [options] [command]')
    expect((await beckon(['help', 'call'])).code).toBe(0)
    expect((await beckon([])).code).toBe(2)
  })

  it('prints its version', async () => {
    expect((await beckon(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  it('ends with 2 where it is used wrongly', async () => {
    expectFailure(await beckon(['servces']), 2, /unknown command 'servces'\n\(Did you mean services\?\)/)
    expectFailure(await beckon(['describe']), 2, /missing required argument 'service'/)
    expectFailure(await beckon(['services', '--registry=zookeeper://localhost:2181']), 2, /knows no "zookeeper"/)
    expectFailure(await beckon(['services', '--registry_address']), 2, /--registry_address needs a value/)
  })

  it('ends with 4 where the registry cannot be asked, saying what to do', async () => {
    const closed = createServer().listen(0, '127.0.0.1')
    await once(closed, 'listening')
    const { port } = closed.address() as { port: number }
    closed.close()
    for (const command of [['services'], ['describe', 'echo'], ['watch'], ['watch', 'echo'], ['call', 'echo', 'Echo.Unary']]) {
      const ended = await beckon([...command, `--registry_address=127.0.0.1:${port}`])
      expectFailure(ended, 4, new RegExp(`unavailable: etcd at 127.0.0.1:${port}: .*ECONNREFUSED.*\n.*"beckon dev"`))
    }
  })

  it('ends quietly when its output is not read', async () => {
    const program = spawnBeckon(['describe', 'echo'], '')
    program.child.stdout?.destroy()
    const { code, stderr } = await program.ended
    expect([code, stderr]).toEqual([0, ''])
  })

  it.skipIf(!existsSync('/dev/full'))('ends with 1 when its output cannot be written (needs /dev/full)', () => {
    const full = openSync('/dev/full', 'w')
    const env = cleanEnv({ BECKON_REGISTRY: 'fixed://127.0.0.1:1' })
    const { status, stderr } = spawnSync(process.execPath, [built.command, 'describe', 'echo'], {
      env,
      stdio: ['ignore', full, 'pipe'],
      encoding: 'utf8',
    })
    closeSync(full)
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^beckon: output cannot be written: ENOSPC/)])
  })
})

describe('beckon services', () => {
  it('lists names, instances and versions', async () => {
    const { code, stdout } = await beckon(['services'])
    expect([code, stdout]).toEqual([0, 'SERVICE  INSTANCES  VERSIONS\necho     1          7\n'])
  })

  it('writes one document with --json', async () => {
    const { code, stdout } = await beckon(['services', '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({
      registry: `etcd at ${registryServer.address}`,
      services: [{ name: 'echo', instances: 1, versions: ['7'] }],
    })
  })

  it('takes the registry from flags, before or after the command', async () => {
    const env = cleanEnv()
    for (const args of [
      [`--registry_address=${registryServer.address}`, 'services'],
      ['services', '--registry_address', registryServer.address],
    ])
      expect((await start([built.command, ...args], { env }).ended).stdout).toContain('echo')
  })
})

describe('a go-kit registry', () => {
  it('is looked into by the name of a service, since it does not tell services apart', async () => {
    const goKit = `--registry=${registryServer.url}?layout=go-kit&prefix=/services/users/`
    const writer = etcd({ endpoints: [registryServer.address], layouts: [goKitLayout({ prefix: '/services/users/' })] })
    await writer.register({ id: 'u', service: 'users', address: echo.address })
    const services = await beckon(['services', goKit])
    expect([services.code, services.stdout, services.stderr]).toEqual([0, '', expect.stringContaining('name one')])
    expect((await beckon(['describe', 'users', goKit])).stdout).toContain(`/services/users/${echo.address}`)
    expect((await beckon(['call', 'users', 'Echo.Unary', '--json', goKit])).stdout).toBe('{"text":"echo-1"}\n')
    expectFailure(await beckon(['call', 'users', 'Unary', goKit]), 2, /do not say which methods they have/)
    await writer.close()
  })
})

describe('beckon describe', () => {
  it('shows instances and methods', async () => {
    const { code, stdout } = await beckon(['describe', 'echo'])
    expect(code).toBe(0)
    expect(stdout).toContain(`echo  1 instance in etcd at ${registryServer.address}`)
    expect(stdout).toMatch(new RegExp(`^echo-1 {2}${echo.address} {2}7 .*rack=b`, 'm'))
    expect(stdout).toMatch(/^Echo\.Unary +EchoMessage\{text string, payload \[\]uint8, count int32\}/m)
  })

  it('writes whole instances with --json', async () => {
    const { stdout } = await beckon(['describe', 'echo', '--json'])
    const { service, instances } = JSON.parse(stdout)
    expect(service).toBe('echo')
    expect(instances).toEqual([expect.objectContaining({ id: 'echo-1', address: echo.address, version: '7' })])
    expect(instances[0].endpoints).toHaveLength(5)
  })

  it('ends with 3 for a service that has no instances', async () => {
    expectFailure(await beckon(['describe', 'nobody']), 3, /not_found: no instances of "nobody" in etcd at/)
  })
})

describe('beckon watch', () => {
  it('tells who is there, who comes, changes and goes', async () => {
    await using one = spawnBeckon(['watch', 'moving'])
    await using all = spawnBeckon(['watch', '--json'])
    await all.says('"id":"echo-1"')
    const registration = await registry.register({ id: 'm1', service: 'moving', address: '127.0.0.1:9001', version: '1' })
    await one.says(/\d\d:\d\d:\d\d {2}\+ {2}moving {2}m1 {2}127\.0\.0\.1:9001/)
    await all.says('"id":"m1"')
    await registration.update({ ...registration.instance, version: '2' })
    await one.says(/ ~ {2}moving {2}m1 {2}127\.0\.0\.1:9001 {2}version/)
    await registration.deregister()
    await one.says(/ - {2}moving {2}m1 {2}127\.0\.0\.1:9001/)
    await all.says('"change":"removed"')

    const events = all.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    const moving = events.filter(({ service }) => service === 'moving')
    expect(moving.map(({ change, id, address }) => [change, id, address])).toEqual([
      ['added', 'm1', '127.0.0.1:9001'],
      ['changed', 'm1', '127.0.0.1:9001'],
      ['removed', 'm1', '127.0.0.1:9001'],
    ])
    expect(Number.isNaN(Date.parse(moving[0].time))).toBe(false)

    one.child.kill('SIGINT')
    expect((await one.ended).code).toBe(0)
  })
})

describe('beckon dev', () => {
  it('runs a registry until it is told to end', async () => {
    await using dev = start([built.command, 'dev', '--port', '0'])
    await dev.says(/BECKON_REGISTRY=etcd:\/\/127\.0\.0\.1:\d+/)
    const url = /BECKON_REGISTRY=(\S+)/.exec(dev.stdout)?.[1] ?? ''
    const { code, stdout } = await start([built.command, 'services', '--json', `--registry=${url}`]).ended
    expect([code, JSON.parse(stdout).services]).toEqual([0, []])
    dev.child.kill('SIGTERM')
    expect((await dev.ended).code).toBe(0)
  })

  it('says where with --json', async () => {
    await using dev = start([built.command, 'dev', '--address', '127.0.0.1:0', '--json'])
    await dev.says('\n')
    const { address, url } = JSON.parse(dev.stdout)
    expect(url).toBe(`etcd://${address}`)
  })

  it('refuses an address that is taken, and one that is none', async () => {
    const dev = (...args: string[]): Promise<Ended> => start([built.command, 'dev', ...args]).ended
    expectFailure(await dev('--address', registryServer.address), 1, /is in use.*\n.*--port/)
    expectFailure(await dev('--port', '70000'), 2, /--port: must be a number 0 … 65535, got "70000"/)
    expectFailure(await dev('--address', 'nonsense'), 2, /address "nonsense"/)
    expectFailure(await dev('--port', '1', '--address', '127.0.0.1:1'), 2, /not both/)
  })
})

describe('beckon call', () => {
  it('finds a method however it is named', async () => {
    for (const name of ['Unary', 'Echo.Unary', 'beckon.test.Echo/Unary', '/beckon.test.Echo/Unary']) {
      const { code, stdout, stderr } = await beckon(['call', 'echo', name, '{"count":3}', '--json'])
      expect([name, code, stderr, stdout]).toEqual([name, 0, '', '{"text":"echo-1","count":3}\n'])
    }
  })

  it('prints an answer for people to read', async () => {
    expect((await beckon(['call', 'echo', 'Unary'])).stdout).toBe('{\n  "text": "echo-1"\n}\n')
  })

  it('calls by the contract with --proto, all four kinds', async () => {
    const proto = ['--proto', join(root, 'proto/echo.proto')]
    const lines = '{"text":"a"}\n\n{"text":"b"}\n'
    const call = (...args: string[]): Promise<Ended> => beckon(['call', 'echo', ...args, ...proto, '--json'], lines)
    expect((await call('Unary', '{"payload":"AQI="}')).stdout).toBe('{"text":"echo-1","payload":"AQI="}\n')
    expect((await call('Echo/Collect')).stdout).toBe('{"text":"echo-1","count":2}\n')
    expect((await call('Echo.Expand', '{"count":2}')).stdout).toBe('{"text":"echo-1"}\n{"text":"echo-1","count":1}\n')
    expect((await call('beckon.test.Echo/Chat')).stdout).toBe('{"text":"echo-1: a"}\n{"text":"echo-1: b"}\n')
  })

  it('calls streams without a contract', async () => {
    const lines = '{"text":"a"}\n{"text":"b"}\n'
    expect((await beckon(['call', 'echo', 'Chat'], lines)).stdout).toBe('{"text":"echo-1: a"}\n{"text":"echo-1: b"}\n')
    expect((await beckon(['call', 'echo', 'Collect', '-'], lines)).stdout).toBe('{"text":"echo-1","count":2}\n')
    expect((await beckon(['call', 'echo', 'Expand', '{"count":1}'])).stdout).toBe('{"text":"echo-1"}\n')
  })

  it('ends quietly, and the call with it, when nobody reads a stream any more', async () => {
    await using program = spawnBeckon(['call', 'echo', 'Expand', '{"count":2000000}'], '')
    await program.says('"count":100')
    program.child.stdout?.destroy()
    const { code, stderr } = await program.ended
    expect([code, stderr]).toEqual([141, ''])
  })

  it('stops when it is told to', async () => {
    await using program = spawnBeckon(['call', 'echo', 'Chat'])
    program.child.stdin?.write('{"text":"a"}\n')
    await program.says('echo-1: a')
    program.child.kill('SIGINT')
    const { code, stderr } = await program.ended
    expect([code, stderr]).toEqual([130, 'beckon: stopped by SIGINT\n'])
  })

  it('calls an address that is in no registry', async () => {
    const args = ['call', 'echo', 'Echo.Unary', '--json', `--registry=fixed://${echo.address}`]
    expect(await beckon(args)).toEqual({ code: 0, stdout: '{"text":"echo-1"}\n', stderr: '' })
  })

  it('calls instances by the protocol that their records say', async () => {
    await using called = await startEcho({ registry, who: 'mucp-1', name: 'micro', transport: mucp() }).then((server) => ({
      [Symbol.asyncDispose]: () => server.close(),
    }))
    expect(called).toBeDefined()
    const call = (...args: string[]): Promise<Ended> => beckon(['call', 'micro', ...args, '--json'], '{"text":"a"}\n')
    const proto = ['--proto', join(root, 'proto/echo.proto')]
    for (const more of [[], proto]) {
      expect((await call('Echo.Unary', '{"payload":"AQI=","count":3}', ...more)).stdout).toBe(
        '{"text":"mucp-1","payload":"AQI=","count":3}\n',
      )
      expect((await call('Chat', ...more)).stdout).toBe('{"text":"mucp-1: a"}\n')
    }
    expectFailure(await call('Unary', '{"count":"many"}'), 1, /^beckon: invalid_argument: /)
  })

  it('reads a request from stdin', async () => {
    expect((await beckon(['call', 'echo', 'Unary', '-', '--json'], '{"count":9}')).stdout).toBe('{"text":"echo-1","count":9}\n')
  })

  it('ends with 3 for what is not there', async () => {
    expectFailure(await beckon(['call', 'nobody', 'Echo.Unary']), 3, /no instances of "nobody"/)
    expectFailure(await beckon(['call', 'echo', 'Echo.Nothing']), 3, /"echo" has no method Echo\.Nothing; it has Echo\.Chat, /)
    expectFailure(
      await beckon(['call', 'echo', 'Nothing', '--proto', 'proto/echo.proto']),
      3,
      /has no method Nothing; it has beckon\.test\.Echo\/Unary, /,
    )
  })

  it('ends with 2 for what cannot be sent', async () => {
    expectFailure(await beckon(['call', 'echo', 'Unary', '{count:3}']), 2, /request is not JSON/)
    expectFailure(await beckon(['call', 'echo', 'Chat'], '{}\nnonsense\n'), 2, /line 2 of stdin is not JSON/)
    expectFailure(
      await beckon(['call', 'echo', 'Unary', '{"cuont":3}', '--proto', 'proto/echo.proto']),
      2,
      /request: beckon\.test\.EchoMessage: .*cuont/,
    )
    expectFailure(await beckon(['call', 'echo', 'Unary', '--header', 'nonsense']), 2, /--header: "nonsense" must be name=value/)
    expectFailure(await beckon(['call', 'echo', 'Unary', '--header', 'grpc-timeout=1']), 2, /header grpc-timeout: .* cannot be set/)
    expectFailure(await beckon(['call', 'echo', 'Unary', '--timeout', 'soon']), 2, /--timeout: "soon" is not a time/)
    expectFailure(await beckon(['call', 'echo', 'Unary', '--timeout', '0']), 2, /--timeout: must be > 0, got "0"/)
    expectFailure(await beckon(['call', 'echo', 'Unary', '--proto', 'nowhere.proto']), 2, /--proto nowhere\.proto: .*ENOENT/)
  })

  it('ends with 1 where the call fails, with its code', async () => {
    expectFailure(await beckon(['call', 'echo', 'beckon.test.Echo/Nothing']), 1, /^beckon: unimplemented: /)
    expectFailure(await beckon(['call', 'echo', 'Unary', '{"count":"many"}']), 1, /^beckon: invalid_argument: /)
  })

  it('sends headers and keeps to a time', async () => {
    const seen: unknown[] = []
    await using slow = await startEcho({
      registry,
      who: 'slow-1',
      name: 'slow',
      changes: {
        async unary(_request, { headers, signal }) {
          seen.push(headers.get('x-tenant'), headers.getBytes('x-key-bin')?.at(0))
          await new Promise((resolve) => signal?.addEventListener('abort', resolve))
          return {}
        },
      },
    }).then((server) => ({ [Symbol.asyncDispose]: () => server.close() }))
    expect(slow).toBeDefined()
    const args = ['call', 'slow', 'Unary', '--header', 'X-Tenant=blue', '-H', 'x-key-bin=BQ==', '--timeout', '300ms']
    expectFailure(await beckon(args), 1, /^beckon: deadline_exceeded: /)
    expect(seen.slice(0, 2)).toEqual(['blue', 5])
  })
})
