import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DevRegistry, startRegistry } from '../../src/dev/index.ts'
import { etcdClient } from '../../src/etcd/index.ts'
import { cleanEnv, type Program, start } from '../cli/process.ts'
import { type Build, build } from '../support/build.ts'

let built: Build
let registry: DevRegistry

beforeAll(async () => {
  built = await build()
  registry = await startRegistry()
}, 120_000)

afterAll(async () => {
  await registry?.close()
  built?.[Symbol.dispose]()
})

/** An example as its README starts it: from source, by tsx, in the package's folder. */
function example(file: string, ...args: readonly string[]): Program {
  const env = cleanEnv({ MICRO_REGISTRY_ADDRESS: registry.address })
  return start(['--import', 'tsx', `examples/${file}`, ...args], { cwd: built.directory, env })
}

async function keysUnder(prefix: string): Promise<readonly (readonly [string, string])[]> {
  const client = etcdClient({ endpoints: [registry.address] })
  const { kvs } = await client.range({ prefix })
  await client.close()
  return kvs.map(({ keyText, text }) => [keyText, text] as const)
}

describe('examples/greeter', () => {
  it('says hello as the tutorial does', async () => {
    await using server = example('greeter/server.ts')
    await server.says('hello.srv.say is registered')
    const client = await example('greeter/client.ts').ended
    expect(client).toEqual({ code: 0, stdout: 'from:"server" to:"client" msg:"ok"\n', stderr: '' })
    await server.says('received from:"client" to:"server" msg:"hello"')

    const records = await keysUnder('/micro/registry/hello.srv.say/')
    expect(records).toHaveLength(1)
    expect(JSON.parse(records[0]?.[1] ?? '')).toMatchObject({ name: 'hello.srv.say', endpoints: [{ name: 'Greeter.Hello' }] })

    server.child.kill('SIGTERM')
    expect((await server.ended).code).toBe(0)
    expect(await keysUnder('/micro/registry/hello.srv.say/')).toEqual([])
  }, 120_000)
})

describe('an example', () => {
  it.each(['greeter/server.ts', 'greeter/client.ts', 'book/server.ts', 'book/client.ts', 'user-login/server.ts', 'user-login/client.ts'])(
    'refuses a misspelled flag in one line: %s',
    async (file) => {
      const { code, stderr } = await example(file, '--registry_adress=127.0.0.1:1').ended
      expect([code, stderr]).toEqual([1, expect.stringMatching(/^Unknown option '--registry_adress'.*\n$/)])
    },
    120_000,
  )
})

describe('examples/user-login', () => {
  it('logs in at all of three instances, registered as the tutorial does, and when one is killed', async () => {
    await using a = example('user-login/server.ts', '-g', '127.0.0.1:0')
    await using b = example('user-login/server.ts', '-g', '127.0.0.1:0')
    await using c = example('user-login/server.ts', '--server_address=127.0.0.1:0')
    const servers = [a, b, c]
    await Promise.all(servers.map((server) => server.says(/^run /m)))
    const addresses = servers.map((server) => /^run (\S+)/m.exec(server.stdout)?.[1] ?? '').sort()
    expect(await keysUnder('svc.user.agent')).toEqual(addresses.map((address) => [`svc.user.agent/${address}`, address]))

    const login = async (): Promise<void> => {
      const { code, stdout, stderr } = await example('user-login/client.ts', '--pause=300').ended
      expect([code, stderr]).toEqual([0, ''])
      const tokens = stdout.trim().split('\n')
      expect(tokens).toHaveLength(6)
      const claims = Buffer.from(tokens[0]?.split('.')[1] ?? '', 'base64url').toString()
      expect(JSON.parse(claims)).toMatchObject({ Name: 'aoho', sub: 'login' })
    }
    // On a slow machine not all may be connected before the client has ended.
    const called = (): boolean => servers.every(({ stdout }) => stdout.includes('"msg":"/pb.User/RpcUserLogin ok"'))
    for (let runs = 0; runs < 5 && !called(); runs++) await login()
    expect(called()).toBe(true)
    a.child.kill('SIGKILL')
    await login()
  }, 120_000)
})

describe('examples/book', () => {
  it('spreads eight calls over three instances, registered as go-kit does', async () => {
    await using a = example('book/server.ts')
    await using b = example('book/server.ts')
    await using c = example('book/server.ts', '--server_address=127.0.0.1:0')
    const servers = [a, b, c]
    await Promise.all(servers.map((server) => server.says('registered at')))
    const addresses = servers.map((server) => /registered at (\S+)/.exec(server.stdout)?.[1] ?? '').sort()
    expect(await keysUnder('/services/book/')).toEqual(addresses.map((address) => [`/services/book/${address}`, address]))

    // A client calls as soon as it has one connection: on a slow machine the others may come when it has ended.
    let stdout = ''
    let answered: (string | undefined)[] = []
    for (let runs = 0; runs < 5 && new Set(answered).size < 3; runs++) {
      const run = await example('book/client.ts').ended
      expect([run.code, run.stderr]).toEqual([0, ''])
      stdout = run.stdout
      answered = [...stdout.matchAll(/GetBookInfo answered by (\S+)\n {2}bookId: 1 => bookName: 21天精通php/g)].map(([, who]) => who)
      expect(answered).toHaveLength(8)
    }
    expect([...new Set(answered)].sort()).toEqual(addresses)
    expect(stdout).toMatch(
      /GetBookList answered by \S+\n {2}bookId: 1 => bookName: 21天精通php\n {2}bookId: 2 => bookName: 21天精通java\n$/,
    )
  }, 120_000)

  it('has no book that it does not have', async () => {
    await using server = example('book/server.ts')
    await server.says('registered at')
    const url = `${registry.url}?layout=go-kit&prefix=/services/book/`
    const env = cleanEnv({ BECKON_REGISTRY: url })
    const call = (json: string): Promise<{ code: number | null; stderr: string; stdout: string }> =>
      start([built.command, 'call', 'book.BookService', 'BookService.GetBookInfo', json, '--json'], { env, stdin: '' }).ended
    expect(await call('{"bookId":2}')).toEqual({ code: 0, stdout: '{"bookId":2,"bookName":"21天精通java"}\n', stderr: '' })
    expect(await call('{"bookId":3}')).toEqual({ code: 1, stdout: '', stderr: 'beckon: not_found: no book 3\n' })
  }, 120_000)
})
