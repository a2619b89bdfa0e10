import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Server } from '../../src/index.ts'
import { health } from '../../src/services/health.ts'
import { reflection } from '../../src/services/reflection.ts'
import { root } from '../repo/source.ts'
import { type Build, build } from '../support/build.ts'
import { startEcho } from '../support/echo.ts'
import { cleanEnv, type Ended, start } from './process.ts'

let built: Build
let server: Server

beforeAll(async () => {
  built = await build()
  server = await startEcho({ services: [health(), reflection()] })
}, 120_000)

afterAll(async () => {
  await server?.close()
  built?.[Symbol.dispose]()
})

function call(args: readonly string[], stdin = ''): Promise<Ended> {
  return start([built.command, 'call', 'echo', ...args, '--json', `--registry=fixed://${server.address}`], {
    env: cleanEnv(),
    cwd: root,
    stdin,
  }).ended
}

describe('beckon call of a server with reflection', () => {
  it('needs no --proto for any kind of call', async () => {
    expect((await call(['Unary', '{"payload":"AQI="}'])).stdout).toBe('{"text":"echo","payload":"AQI="}\n')
    expect((await call(['beckon.test.Echo/Collect'], '{}\n{}\n')).stdout).toBe('{"text":"echo","count":2}\n')
    expect((await call(['Echo.Expand', '{"count":2}'])).stdout).toBe('{"text":"echo"}\n{"text":"echo","count":1}\n')
    expect((await call(['Echo.Chat'], '{"text":"a"}\n')).stdout).toBe('{"text":"echo: a"}\n')
  })

  it('finds a method that is not advertised', async () => {
    expect((await call(['grpc.health.v1.Health/Check', '{"service":"beckon.test.Echo"}'])).stdout).toBe('{"status":"SERVING"}\n')
  })

  it('tells before it sends what is no message of the contract', async () => {
    const { code, stderr } = await call(['Unary', '{"cuont":3}'])
    expect(code).toBe(2)
    expect(stderr).toMatch(/^beckon: request: beckon\.test\.EchoMessage: .*cuont/)
  })

  it('says what it would have said without, where the method is not known', async () => {
    const { code, stderr } = await call(['beckon.test.Echo/Nothing'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^beckon: unimplemented: /)
  })
})
