// Calls through proxies that pass HTTP/2 on, in plain text and over TLS: `tsx test/interop/proxies.interop.ts`. Its last line is `N passed, M failed`.
// They have flow control, header tables and connections of their own on either side.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { strict } from '../../scripts/summary.ts'
import { type Client, closeClient, createClient, type Headers, RpcError, type Server } from '../../src/index.ts'
import { fixed } from '../../src/registries/fixed.ts'
import { grpc } from '../../src/transports/grpc.ts'
import { Echo } from '../gen/echo_pb.ts'
import { makeCertificates } from '../support/certificates.ts'
import { startEcho, until } from '../support/echo.ts'
import { freePorts } from '../support/etcd.ts'
import { proxies, versionOf } from './proxies.ts'

interface Case {
  readonly name: string
  /** Resolves with what must be as `is`. */
  run(echo: Client<typeof Echo>): Promise<unknown>
  readonly is: unknown
}

/** Why calls of `once` that wait were given up, as their handler heard it. */
const givenUp: string[] = []
const large = new Uint8Array(1_000_000).fill(7)

const cases: readonly Case[] = [
  {
    name: 'a single message, headers and trailers',
    async run(echo) {
      const seen: (string | undefined)[] = []
      const { count } = await echo.unary(
        { count: 3 },
        { headers: { 'x-ask': 'why' }, onHeaders: note('x-head'), onTrailers: note('x-tail') },
      )
      return [count, ...seen]

      function note(name: string): (headers: Headers) => void {
        return (headers) => seen.push(headers.get(name))
      }
    },
    is: [3, 'why', 'tail'],
  },
  {
    name: 'an error with its text and metadata',
    run: (echo) =>
      echo.once({ text: 'fail' }).catch((error: RpcError) => [error.code, error.rawMessage, new Map(error.metadata).get('x-why')]),
    is: ['failed_precondition', 'nicht jetzt – größer', 'because'],
  },
  { name: 'a message of a megabyte', run: async (echo) => (await echo.unary({ payload: large })).payload, is: large },
  { name: 'a stream of 3000 answers', run: async (echo) => (await all(echo.expand({ count: 3000 }))).length, is: 3000 },
  {
    name: 'a stream of large answers that are read slowly',
    async run(echo) {
      let bytes = 0
      for await (const { payload } of echo.expand({ count: 30, payload: large })) {
        bytes += payload.length
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      return bytes
    },
    is: 30_000_000,
  },
  {
    name: 'a stream of 3000 requests',
    run: async (echo) => (await echo.collect(repeat(3000, { text: 'x'.repeat(1000) }))).count,
    is: 3000,
  },
  { name: 'streams both ways', run: async (echo) => (await all(echo.chat(repeat(500, { text: 'hi' })))).length, is: 500 },
  {
    name: 'question and answer in turn',
    async run(echo) {
      let ask = (): void => {}
      async function* questions(): AsyncGenerator<{ text: string }> {
        for (let i = 0; i < 20; i++) {
          yield { text: `${i}` }
          await new Promise<void>((resolve) => {
            ask = resolve
          })
        }
      }
      const answers: string[] = []
      for await (const { text } of echo.chat(questions())) {
        answers.push(text)
        ask()
      }
      return answers.at(-1)
    },
    is: 'echo: 19',
  },
  {
    name: 'a deadline, which the handler hears of',
    async run(echo) {
      givenUp.length = 0
      const code = await codeOf(echo.once({ text: 'wait' }, { timeout: 300 }))
      await until('the handler has heard', () => givenUp.length > 0)
      return code
    },
    is: 'deadline_exceeded',
  },
  {
    name: 'a cancellation, which the handler hears of',
    async run(echo) {
      givenUp.length = 0
      const abort = new AbortController()
      const call = codeOf(echo.once({ text: 'wait' }, { signal: abort.signal }))
      await new Promise((resolve) => setTimeout(resolve, 50))
      abort.abort()
      const code = await call
      await until('the handler has heard', () => givenUp.length > 0)
      return [code, ...givenUp]
    },
    is: ['canceled', 'canceled'],
  },
  {
    name: 'a stream that is left, which the handler hears of',
    async run(echo) {
      givenUp.length = 0
      for await (const _ of echo.expand({ count: 1e9 })) break
      await until('the handler has heard', () => givenUp.length > 0)
      return givenUp
    },
    is: ['left'],
  },
  {
    name: '5000 calls, 256 at a time',
    async run(echo) {
      let left = 5000
      const caller = async (): Promise<void> => {
        while (left-- > 0) await echo.unary({ text: 'x' })
      }
      await Promise.all(Array.from({ length: 256 }, caller))
      return 'all answered'
    },
    is: 'all answered',
  },
]

function startServer(tls: { cert: string; key: string } | undefined): Promise<Server> {
  return startEcho({
    ...(tls && { transport: grpc({ tls }) }),
    changes: {
      unary({ payload, count }, { headers, replyHeaders, replyTrailers }) {
        replyHeaders?.set('x-head', headers.get('x-ask') ?? '')
        replyTrailers?.set('x-tail', 'tail')
        return { payload, count }
      },
      once({ text }, { signal }) {
        if (text === 'fail') throw new RpcError('failed_precondition', 'nicht jetzt – größer', { metadata: [['x-why', 'because']] })
        return new Promise((_, reject) => {
          signal?.addEventListener('abort', () => {
            givenUp.push((signal.reason as RpcError).code)
            reject(signal.reason)
          })
        })
      },
      async *expand({ count, payload }) {
        try {
          for (let i = 0; i < count; i++) yield { count: i, payload }
        } finally {
          givenUp.push('left')
        }
      },
    },
  })
}

function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'answered',
    (error: RpcError) => error.code,
  )
}

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of stream) items.push(item)
  return items
}

async function* repeat<T>(times: number, item: T): AsyncGenerator<T> {
  for (let i = 0; i < times; i++) yield item
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const end = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => end(true)).once('error', () => end(false))
  })
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

const folder = mkdtempSync(join(tmpdir(), 'beckon-proxies-'))
const { ca, cert, key, files } = makeCertificates(folder)
let [passed, failed] = [0, 0]
try {
  for (const proxy of proxies) {
    const version = versionOf(proxy)
    if (version === undefined) {
      console.log(`${proxy.name} is not installed: left out`)
      if (strict(process.env)) failed++
      continue
    }
    for (const tls of [false, true]) {
      const server = await startServer(tls ? { cert, key } : undefined)
      const [port = 0] = await freePorts(1)
      const [program, ...args] = proxy.command(port, server.address, tls, { folder, files })
      const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
      let said = ''
      child.stderr.on('data', (text) => {
        said += text
      })
      const transport = grpc(tls ? { tls: { ca } } : {})
      const echo = createClient(Echo, { service: 'echo', registry: fixed({ echo: [`127.0.0.1:${port}`] }), transport, retry: false })
      try {
        await until(`${proxy.name} listens: ${said}`, () => accepts(port))
        for (const { name, run, is } of cases) {
          const was = await run(echo).catch((error: unknown) => error)
          if (isDeepStrictEqual(was, is)) passed++
          else {
            failed++
            console.log(
              `${proxy.name} ${version}${tls ? ', TLS' : ''}: ${name}: ${was instanceof Error ? was : JSON.stringify(was)}; it said: ${said}`,
            )
          }
        }
      } finally {
        await closeClient(echo)
        await server.close()
        await stop(child)
      }
    }
  }
} finally {
  rmSync(folder, { recursive: true })
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
