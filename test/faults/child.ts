import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect } from 'vitest'
import type { EtcdRegistryOptions } from '../../src/registries/etcd.ts'
import { type Build, build } from '../support/build.ts'
import { until } from '../support/echo.ts'
import { v2 } from './api.ts'
import { pause } from './outages.ts'
import { fault, patience, type Scene, type SceneOptions } from './scene.ts'
import { logged, type Told } from './verdict.ts'

const program = fileURLToPath(new URL('process-child.mjs', import.meta.url))

/** An instance in a process of its own. */
export interface Child {
  readonly process: ChildProcess
  /** What its registration has been, from the first `registered` on. */
  readonly states: readonly string[]
  /** Waits for it to have said exactly these, one line logged for each, and fails as soon as it has said anything else. */
  says(states: readonly string[]): Promise<void>
  /** Keeps its event loop busy for so many milliseconds. */
  block(ms: number): void
}

/** The TTL of a child; that of the others is longer, as its fault is not to touch them. */
export const its = 5000

/** What a child says whose registration was lost and came back. */
export const lostOnce = ['registered', 'healing', 'registered']

/** The build that children run, for as long as the tests of a file do. */
export function useBuild(): () => Build {
  let built: Build
  beforeAll(async () => {
    built = await build()
  }, 120_000)
  afterAll(() => built[Symbol.dispose]())
  return () => built
}

/** Starts an instance `c` in a process of its own, which answers where `a` does. Ended after `body`. */
export async function withChild(
  scene: Scene,
  { directory }: Build,
  options: EtcdRegistryOptions,
  body: (child: Child) => Promise<void>,
): Promise<Told> {
  const driver = scene.api === v2 ? 'etcd-v2' : 'etcd'
  const given = JSON.stringify({ endpoints: scene.members.map(({ address }) => address), ttl: its, ...options })
  const args = [program, join(directory, 'dist'), driver, given, 'c', scene.servers[0]?.address ?? '']
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const states: string[] = []
  const times: number[] = []
  const lines: string[] = []
  createInterface({ input: child.stdout }).on('line', (text) => {
    const { state, at, line } = JSON.parse(text)
    if (line !== undefined) lines.push(line)
    else states.push(state) && times.push(at)
  })

  async function says(expected: readonly string[]): Promise<void> {
    await until(`${expected}`, () => states.length >= expected.length, patience).catch((error: Error) => {
      throw new Error(`${error.message}, but it said ${states}`)
    })
    expect(states).toEqual(expected)
    expect(logged(lines.slice(1))).toEqual({
      states: { a: [], b: [], consumer: [], ...(states.length > 1 && { c: states.slice(1) }) },
      besides: [],
    })
  }

  try {
    await scene.listening.shows(['a', 'b', 'c'], patience)
    // Callers may hear of it before it does itself; what happens then is another fault.
    await says(['registered'])
    await body({ process: child, states, says, block: (ms) => void child.stdin.write(`${ms}\n`) })
  } finally {
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
  await scene.listening.shows(['a', 'b'], patience)
  const [healing = Number.NaN, registered = Number.NaN] = times.slice(-2)
  return { recovery: registered - healing }
}

/** The faults of a process that stands still for longer than its TTL, by either of etcd's APIs. */
export function paused(place: Pick<SceneOptions, 'size' | 'api'>, built: () => Build): void {
  for (const [what, ms] of [
    ['its TTL', its + 1500],
    ['twice its TTL', 2 * its + 1500],
  ] as const) {
    fault(`paused past ${what} (SIGSTOP)`, place, (scene) =>
      withChild(scene, built(), {}, async (child) => {
        child.process.kill('SIGSTOP')
        await pause(ms)
        await scene.listening.shows(['a', 'b'], patience)
        child.process.kill('SIGCONT')
        await scene.listening.shows(['a', 'b', 'c'], patience)
        await child.says(lostOnce)
        await pause(its)
        // Lost once, reported once; no lease is left over.
        expect(child.states).toEqual(lostOnce)
        // A lease that was granted, but whose grant was not heard of, ends by itself.
        const { api } = scene
        await until('no more to renew', async () => (await api.renewed(scene)) === api.two + 1, patience)
      }),
    )
  }
}
