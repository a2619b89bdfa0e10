import { setTimeout as delay } from 'node:timers/promises'
import { goMicro } from '../../dist/registries/etcd.js'
import { now } from './clock.ts'
import { until } from './numbers.ts'
import { type Program, startNode } from './program.ts'
import { instance } from './records.ts'
import type { Scene } from './scene.ts'

/** What etcd has to do when it comes back to many clients at once. */
export interface HerdFigures {
  readonly clients: number
  /** How long etcd was away, from its end to its being started again, in milliseconds. */
  readonly awayMs: number
  /** Without, all clients draw the same random number. */
  readonly jitter: boolean
  /** The most requests and messages on streams in a second, as sent by all clients together in their busiest 50 ms. */
  readonly peakPerSecond: number
  /** All that were sent until everything was quiet again. */
  readonly requests: number
  /** How many have been told of a change made right after etcd's first answer, and are registered, within a minute. */
  readonly current: number
  readonly registered: number
  /** From etcd's first answer until the last of them was told, in milliseconds. */
  readonly currentMs: number
}

/** One for every time that etcd was away, with jitter and without. */
export type HerdResults = readonly HerdFigures[]

const listed = 100
/** How long the herd has until it must have come back, in milliseconds. */
const patience = 60_000
/** The time over which a peak is taken, in milliseconds. */
const width = 50

/**
 * `count` clients, each with a connection of its own to the real etcd, a watch on a service of 100 instances, and an instance registered; etcd is
 * killed, and started again after each of the times `away`.
 */
export async function measureHerd(scene: Scene, count: number, away: readonly number[]): Promise<HerdResults> {
  const layout = goMicro()
  let size = 0
  const grow = async (): Promise<void> => {
    const record = instance('herd', size)
    // An etcd that the whole herd comes back to may not be reached at the first try.
    await until('a put', () => succeeds(scene.client.put(layout.key(record), layout.encode(record))), patience, 50)
    size += 1
  }
  while (size < listed) await grow()
  const results: HerdFigures[] = []
  for (const jitter of [true, false]) {
    scene.note(`herd: ${count} clients, jitter ${jitter ? 'on' : 'off'}`)
    const programs = await start(scene, count, size * count, jitter)
    try {
      for (const awayMs of away) {
        await until('the herd knows the set', async () => (await state(programs, size)).current === count, patience, 100)
        results.push({ clients: count, awayMs, jitter, ...(await outage(scene, programs, count, awayMs, grow, () => size)) })
      }
    } finally {
      await Promise.all(programs.map((program) => program.stop()))
    }
  }
  return results
}

/** Instances are numbered from `first` on. */
function start({ etcd }: Scene, count: number, first: number, jitter: boolean): Promise<readonly Program[]> {
  const shares = Array.from({ length: Math.ceil(count / 250) }, (_, i) => Math.min(250, count - 250 * i))
  return Promise.all(
    shares.map((share, i) => startNode('herd', [etcd.address, String(first + 250 * i), String(share), jitter ? 'on' : 'off'], 120_000)),
  )
}

async function outage(
  { etcd }: Scene,
  programs: readonly Program[],
  count: number,
  awayMs: number,
  grow: () => Promise<void>,
  size: () => number,
): Promise<Pick<HerdFigures, 'peakPerSecond' | 'requests' | 'current' | 'registered' | 'currentMs'>> {
  await etcd.kill()
  await delay(awayMs)
  const started = now()
  // Its own asking whether etcd is there is one more among all that the herd asks.
  const restarted = succeeds(etcd.restart())
  await until('etcd answers', () => answers(etcd.address), patience, 5)
  const begin = now()
  await grow()
  await restarted
  let seen = await state(programs, size())
  for (const end = now() + patience; now() < end && Math.min(seen.current, seen.registered) < count; seen = await state(programs, size()))
    await delay(100)
  // Until the readings that follow an outage are through.
  await delay(2000)
  const sent = await sentSince(programs, started)
  return {
    peakPerSecond: (Math.max(...sent) * 1000) / width,
    requests: sent.reduce((sum, one) => sum + one, 0),
    current: seen.current,
    registered: seen.registered,
    currentMs: Math.round(seen.lastAt - begin),
  }
}

function succeeds(task: Promise<unknown>): Promise<boolean> {
  return task.then(
    () => true,
    () => false,
  )
}

async function answers(address: string): Promise<boolean> {
  return succeeds(fetch(`http://${address}/health`).then(({ ok }) => ok || Promise.reject()))
}

/** Of all programs together. */
async function state(programs: readonly Program[], size: number): Promise<{ current: number; lastAt: number; registered: number }> {
  const all = await Promise.all(programs.map((program) => program.ask(`current ${size}`)))
  const sum = (name: string): number => all.reduce((total, one) => total + (one[name] ?? 0), 0)
  return { current: sum('current'), registered: sum('registered'), lastAt: Math.max(...all.map(({ lastAt = 0 }) => lastAt)) }
}

/** How much all programs together have sent since then, in every `width` milliseconds. */
async function sentSince(programs: readonly Program[], since: number): Promise<readonly number[]> {
  const sums = new Map<string, number>()
  for (const counts of await Promise.all(programs.map((program) => program.ask(`sent ${since} ${width}`))))
    for (const [at, count] of Object.entries(counts)) sums.set(at, (sums.get(at) ?? 0) + count)
  return [...sums.values()]
}
