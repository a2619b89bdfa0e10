import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import type { EtcdRegistryOptions } from '../../src/registries/etcd.ts'
import { type Build, build } from '../support/build.ts'
import { until } from '../support/echo.ts'
import { fault, patience, type Scene, type Told, ttl } from './scene.ts'

const program = fileURLToPath(new URL('process-child.mjs', import.meta.url))
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

let built: Build
beforeAll(async () => {
  built = await build()
}, 120_000)
afterAll(() => built[Symbol.dispose]())

interface Child {
  readonly process: ChildProcess
  /** What its registration has been, from the first `registered` on. */
  readonly states: readonly string[]
  /** Waits for it to have said exactly these, and fails as soon as it has said anything else. */
  says(states: readonly string[]): Promise<void>
  /** Milliseconds that its last way back took, on its own clock. */
  readonly recovery: number
}

const lostOnce = ['registered', 'healing', 'registered']

/** An instance `c` in a process of its own, which answers where `a` does. Ended after `body`. */
async function withChild(scene: Scene, options: EtcdRegistryOptions, body: (child: Child) => Promise<void>): Promise<Told> {
  const given = JSON.stringify({ endpoints: scene.members.map(({ address }) => address), ttl, ...options })
  const args = [program, join(built.directory, 'dist'), given, 'c', scene.servers[0]?.address ?? '']
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk
  })
  const told = () =>
    said
      .split('\n')
      .slice(0, -1)
      .map((line) => line.split(' '))
  const states = (): readonly string[] => told().map(([state = '']) => state)
  async function says(expected: readonly string[]): Promise<void> {
    const sofar = (): boolean => states().length >= expected.length
    await until(`${expected}`, sofar, patience).catch((error: Error) => {
      throw new Error(`${error.message}, but it said ${states()}`)
    })
    expect(states()).toEqual(expected)
  }
  let recovery = 0
  try {
    await scene.listening.shows(['a', 'b', 'c'], patience)
    // Callers may hear of it before it does itself; what happens then is another fault.
    await says(['registered'])
    const started: Child = {
      process: child,
      get states() {
        return states()
      },
      says,
      get recovery() {
        const [healing = Number.NaN, registered = Number.NaN] = told()
          .slice(-2)
          .map(([, at]) => Number(at))
        return registered - healing
      },
    }
    await body(started)
    recovery = started.recovery
  } finally {
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
  await scene.listening.shows(['a', 'b'], patience)
  return { recovery }
}

describe('a process', () => {
  for (const [what, ms] of [
    ['its TTL', ttl + 1500],
    ['twice its TTL', 2 * ttl + 1500],
  ] as const) {
    fault(`paused past ${what} (SIGSTOP)`, {}, async (scene) => {
      return withChild(scene, {}, async (child) => {
        child.process.kill('SIGSTOP')
        await pause(ms)
        await scene.listening.shows(['a', 'b'], patience)
        child.process.kill('SIGCONT')
        await scene.listening.shows(['a', 'b', 'c'], patience)
        await child.says(lostOnce)
        await pause(ttl)
        // Lost once, reported once; no lease is left over.
        expect(child.states).toEqual(lostOnce)
        // One that was granted, but whose grant was not heard of, ends by itself.
        await until('two leases', async () => (await scene.admin.leases()).length === 2, patience)
      })
    })
  }

  fault('whose event loop is blocked past the TTL', {}, async (scene) => {
    return withChild(scene, {}, async (child) => {
      const { told } = scene.listening
      const before = told.length
      child.process.stdin?.write(`${ttl + 2000}\n`)
      await until('its loss', () => told.slice(before).some((ids) => ids.join() === 'a,b'), patience)
      await scene.listening.shows(['a', 'b', 'c'], patience)
      await child.says(lostOnce)
    })
  })

  fault('whose event loop is blocked past the TTL, with a thread for its leases', {}, async (scene) => {
    return withChild(scene, { keepaliveThread: true }, async (child) => {
      // Time for the thread to begin.
      await pause(ttl + 1000)
      const before = await scene.admin.get(scene.key('c'))
      child.process.stdin?.write(`${ttl + 3000}\n`)
      const told = scene.listening.told.length
      await pause(ttl + 4000)
      // It never was away.
      expect((await scene.admin.get(scene.key('c')))?.modRevision).toBe(before?.modRevision)
      expect(scene.listening.told).toHaveLength(told)
      expect(child.states).toEqual(['registered'])
      // And is healed as any other.
      await scene.admin.revoke(before?.lease ?? 0n)
      await scene.listening.shows(['a', 'b', 'c'], patience)
      await child.says(lostOnce)
    })
  })
})
