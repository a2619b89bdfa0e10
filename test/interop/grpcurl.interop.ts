// grpcurl against our reflection and health: `tsx test/interop/grpcurl.interop.ts`. Its last line is `N passed, M failed`.
import { execFile, execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { RpcError } from '../../src/index.ts'
import { health } from '../../src/services/health.ts'
import { reflection } from '../../src/services/reflection.ts'
import { grpc } from '../../src/transports/grpc.ts'
import { makeCertificates } from '../support/certificates.ts'
import { startEcho } from '../support/echo.ts'

const bin = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'beckon/interop/bin')
const program = join(bin, 'grpcurl')
if (!existsSync(program))
  execFileSync('go', ['install', 'github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3'], {
    env: { ...process.env, GOBIN: bin },
    stdio: 'inherit',
  })

const directory = mkdtempSync(join(tmpdir(), 'beckon-grpcurl-'))
const { cert, key, files } = makeCertificates(directory)
const changes = {
  once() {
    throw new RpcError('aborted', 'not this time')
  },
}
const services = [health(), reflection()]
const plain = await startEcho({ services, changes })
const secure = await startEcho({ services, transport: grpc({ tls: { cert, key } }) })

interface Case {
  readonly name: string
  readonly args: readonly string[]
  readonly stdin?: string
  /** What stdout and stderr have to be like; an array is what the JSON documents of stdout have to be. */
  readonly says: RegExp | readonly unknown[]
}

const at = ['-plaintext', plain.address]
const call = (method: string, data: string): string[] => ['-plaintext', '-d', data, plain.address, method]

const cases: readonly Case[] = [
  {
    name: 'list',
    args: [...at, 'list'],
    says: /^beckon\.test\.Echo\ngrpc\.health\.v1\.Health\ngrpc\.reflection\.v1\.S.*\ngrpc\.reflection\.v1alpha\.S.*\n$/,
  },
  {
    name: 'list a service',
    args: [...at, 'list', 'beckon.test.Echo'],
    says: /^beckon\.test\.Echo\.Chat\n(.*\n){3}beckon\.test\.Echo\.Unary\n$/,
  },
  { name: 'describe a service', args: [...at, 'describe', 'beckon.test.Echo'], says: /rpc Chat \( stream \.beckon\.test\.EchoMessage \)/ },
  { name: 'describe a message', args: [...at, 'describe', 'beckon.test.EchoMessage'], says: /bytes payload = 2;/ },
  { name: 'describe what is not there', args: [...at, 'describe', 'beckon.test.Nothing'], says: /not found/ },
  {
    name: 'unary',
    args: call('beckon.test.Echo/Unary', '{"payload":"AQI=","count":3}'),
    says: [{ text: 'echo', payload: 'AQI=', count: 3 }],
  },
  { name: 'client stream', args: call('beckon.test.Echo/Collect', '@'), stdin: '{}\n{}\n', says: [{ text: 'echo', count: 2 }] },
  { name: 'server stream', args: call('beckon.test.Echo/Expand', '{"count":2}'), says: [{ text: 'echo' }, { text: 'echo', count: 1 }] },
  {
    name: 'bidi',
    args: call('beckon.test.Echo/Chat', '@'),
    stdin: '{"text":"a"}\n{"text":"b"}\n',
    says: [{ text: 'echo: a' }, { text: 'echo: b' }],
  },
  { name: 'an error', args: call('beckon.test.Echo/Once', '{}'), says: /Code: Aborted\n\s+Message: not this time/ },
  { name: 'health of the server', args: call('grpc.health.v1.Health/Check', '{}'), says: [{ status: 'SERVING' }] },
  {
    name: 'health of a contract',
    args: call('grpc.health.v1.Health/Check', '{"service":"beckon.test.Echo"}'),
    says: [{ status: 'SERVING' }],
  },
  { name: 'health of what is not there', args: call('grpc.health.v1.Health/Check', '{"service":"x"}'), says: /Code: NotFound/ },
  { name: 'over TLS', args: ['-cacert', files.ca, '-d', '{}', secure.address, 'beckon.test.Echo/Unary'], says: [{ text: 'echo' }] },
]

function run({ args, stdin = '' }: Case): Promise<{ stdout: string; all: string }> {
  return new Promise((resolve) => {
    const child = execFile(program, ['-max-time', '10', ...args], (_error, stdout, stderr) => resolve({ stdout, all: stdout + stderr }))
    child.stdin?.end(stdin)
  })
}

/** JSON documents that follow one another, each over several lines. */
function documents(text: string): unknown[] {
  return text.trim() === '' ? [] : (JSON.parse(`[${text.trim().replace(/^\}\n\{/gm, '},{')}]`) as unknown[])
}

let failed = 0
for (const one of cases) {
  const { stdout, all } = await run(one)
  const right = one.says instanceof RegExp ? one.says.test(all) : all === stdout && isDeepStrictEqual(documents(stdout), one.says)
  if (!right) {
    failed++
    console.log(`grpcurl: ${one.name}: said ${JSON.stringify(all)}`)
  }
}
await Promise.all([plain.close(), secure.close()])
rmSync(directory, { recursive: true })
console.log(`${cases.length - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
