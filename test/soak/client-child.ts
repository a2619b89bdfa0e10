import { readFileSync } from 'node:fs'
import { type Client, createClient, RpcError } from '../../src/index.ts'
import { grpc } from '../../src/transports/grpc.ts'
import { Echo } from '../gen/echo_pb.ts'
import { sample } from './sample.ts'

/** Calls that wait for their answers at a time, and clients that are opened and closed every second. */
const inFlight = 64
const clientsPerSecond = 100
const together = 50

/** Full load on the servers at two addresses, in plain text and over TLS. Tells what it holds and what it has done whenever asked. */
const [plain = '', secure = '', ca = ''] = process.argv.slice(2)
const overTls = grpc({ tls: { ca: readFileSync(ca) } })
const done: Record<string, number> = { ok: 0, streams: 0, left: 0, canceled: 0, deadline_exceeded: 0, clients: 0 }
const failures: Record<string, number> = {}
const begun = performance.now()

async function load(): Promise<void> {
  const echo = createClient(Echo, { addresses: [plain] })
  const loop = async (): Promise<void> => {
    for (;;) await call('ok', echo.unary({ text: 'hello', count: 1 }))
  }
  await Promise.all(Array.from({ length: inFlight }, loop))
}

/** Counts a call under how it is meant to end, or under what it failed with. */
async function call(meant: string, made: Promise<unknown>): Promise<void> {
  const ended = await made.then(
    () => 'ok',
    (thrown: unknown) => {
      const { code, message } = RpcError.from(thrown)
      return code === meant ? meant : message.replaceAll(/\d+/g, 'n')
    },
  )
  if (ended === meant || ended === 'ok') done[meant] = (done[meant] ?? 0) + 1
  else failures[ended] = (failures[ended] ?? 0) + 1
}

async function drained(stream: AsyncIterable<unknown>, most = Number.POSITIVE_INFINITY): Promise<void> {
  let count = 0
  for await (const _ of stream) if (++count >= most) break
}

/** One of each kind, some of which end too early. */
async function visit(echo: Client<typeof Echo>): Promise<void> {
  const leaving = new AbortController()
  async function* chat() {
    for (let i = 0; i < 5; i++) yield { text: 'hello', payload: new Uint8Array(1000) }
    leaving.abort()
    yield { text: 'never seen' }
  }
  await call('ok', echo.unary({ payload: new Uint8Array(20_000) }))
  await Promise.all([
    call('ok', echo.collect([{ text: 'a' }, { text: 'b' }])),
    call('deadline_exceeded', echo.once({}, { timeout: 20 })),
    call('streams', drained(echo.expand({ count: 20 }))),
    call('left', drained(echo.expand({ count: 1000 }), 3)),
    call('canceled', drained(echo.chat(chat(), { signal: leaving.signal }))),
  ])
  done.clients = (done.clients ?? 0) + 1
}

function come(): void {
  const due = ((performance.now() - begun) * clientsPerSecond) / 1000
  for (; opened < due && opened - (done.clients ?? 0) < together; opened++) {
    const echo =
      opened % 2 === 0 ? createClient(Echo, { addresses: [plain] }) : createClient(Echo, { addresses: [secure], transport: overTls })
    void visit(echo).finally(() => echo[Symbol.asyncDispose]())
  }
}

let opened = 0
setInterval(come, 10)
process.on('message', () => process.send?.({ sample: sample(begun), done, failures }))
process.on('disconnect', () => process.exit())
process.send?.('ready')
await load()
