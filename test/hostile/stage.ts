import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { create } from '@bufbuild/protobuf'
import { grpc } from '../../src/transports/grpc.ts'
import { EchoMessageSchema } from '../gen/echo_pb.ts'
import { contextOf } from '../support/context.ts'
import { frame, preface, type RawPeer, raw } from '../support/raw-http2.ts'

/** What an attack is given. */
export interface Victim {
  /** A bare connection. */
  socket(): Promise<Socket>
  /** A connection that has begun as HTTP/2 has it. */
  peer(settings?: Uint8Array): Promise<RawPeer>
}

/** What an attack came to. */
export interface Figures {
  /** How it ended, in the attack's own words. */
  readonly outcome: string
  readonly sentBytes: number
  readonly ms: number
  /** The server's processor time, that for the good calls beside it included. */
  readonly cpuMs: number
  /** What the server held at the end that it did not hold before, with the attacker's connections still there if they were let. */
  readonly heldBytes: number
  readonly good: number
  /** What good calls failed with. */
  readonly bad: readonly string[]
}

/** A server in a process of its own, and somebody with good calls beside every attack. */
export interface Stage {
  attack(run: (victim: Victim) => Promise<string>): Promise<Figures>
  end(): Promise<void>
}

const hello = create(EchoMessageSchema, { text: 'hello' })
/** A good call has to be answered by then; it is the machine that may be slow. */
const patience = 30_000

export async function stage(): Promise<Stage> {
  const child = fork(fileURLToPath(new URL('server-child.ts', import.meta.url)), { execArgv: ['--import', 'tsx'] })
  const address = await next<string>(child)
  const good = grpc().dial(address)
  const call = (): Promise<unknown> => good.call(hello, contextOf({ deadline: performance.now() + patience }))
  for (let i = 0; i < 200; i++) await call()

  async function look(): Promise<{ cpu: number; bytes: number }> {
    const told = next<{ cpu: number; bytes: number }>(child)
    child.send('look')
    return told
  }

  async function attack(run: (victim: Victim) => Promise<string>): Promise<Figures> {
    const sockets: Socket[] = []
    const bad: string[] = []
    let calls = 0
    let over = false
    async function beside(): Promise<void> {
      do {
        await call().catch((error: Error) => bad.push(error.message))
        calls++
        await new Promise((resolve) => setTimeout(resolve, 5))
      } while (!over)
    }
    await look()
    const before = await look()
    const begun = performance.now()
    const besides = beside()
    const victim: Victim = {
      async socket() {
        const one = connect(Number(address.split(':')[1]), '127.0.0.1').on('error', () => {})
        sockets.push(one)
        await once(one, 'connect')
        return one
      },
      async peer(settings = Buffer.alloc(0)) {
        const one = raw(await victim.socket())
        one.send(preface, frame(4, 0, 0, settings))
        await one.frame(4)
        return one
      },
    }
    try {
      const outcome = await run(victim)
      const ms = performance.now() - begun
      const after = await look()
      over = true
      await besides
      const sentBytes = sockets.reduce((sum, one) => sum + one.bytesWritten, 0)
      return { outcome, sentBytes, ms, cpuMs: after.cpu - before.cpu, heldBytes: after.bytes - before.bytes, good: calls, bad }
    } finally {
      over = true
      for (const one of sockets) one.destroy()
    }
  }

  return {
    attack,
    async end() {
      await good.close()
      const ended = once(child, 'exit')
      child.disconnect()
      await ended
    },
  }
}

async function next<T>(child: ChildProcess): Promise<T> {
  const [message] = (await once(child, 'message')) as [T]
  return message
}
