import { describe, expect } from 'vitest'
import { startEcho, until } from '../support/echo.ts'
import { mayMount } from '../support/etcd.ts'
import { fault, onBoth, patience, type Scene, type SceneOptions, type Told } from './scene.ts'

const lost = ['healing', 'registered'] as const
const broken = ['stale', 'connected'] as const
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

async function killAll({ members }: Scene): Promise<void> {
  await Promise.all(members.map((member) => member.kill()))
}

async function restartAll({ members }: Scene, options?: { readonly empty?: boolean; readonly unlimited?: boolean }): Promise<void> {
  await Promise.all(members.map((member) => member.restart(options)))
}

/** The servers know that they are registered no longer. */
async function lossKnown({ heard }: Scene): Promise<void> {
  await Promise.all([heard('a', 'healing'), heard('b', 'healing')])
}

function breakKnown({ heard }: Scene): Promise<void> {
  return heard('consumer', 'stale')
}

onBoth('etcd', (size) => {
  fault('killed and back within the TTL', { size, registry: { ttl: 8000 } }, async (scene) => {
    await killAll(scene)
    await breakKnown(scene)
    await restartAll(scene)
    await scene.whole()
    return { consumer: broken }
  })

  fault('killed and back after the TTL', { size }, async (scene) => {
    await killAll(scene)
    await lossKnown(scene)
    await pause(1000)
    await restartAll(scene)
    await scene.whole()
    return { a: lost, b: lost, consumer: broken }
  })

  fault('killed and back with an empty data directory', { size }, async (scene) => {
    const before = scene.listening.told.length
    await killAll(scene)
    await breakKnown(scene)
    await restartAll(scene, { empty: true })
    await scene.whole()
    // No set without the two was ever told.
    expect(scene.listening.told.slice(before).filter((ids) => ids.join() !== 'a,b')).toEqual([])
    return { a: lost, b: lost, consumer: broken }
  })

  fault('down at start: the client fails, or waits, by option', { size, registry: { ttl: 20_000 } }, async (scene) => {
    await killAll(scene)
    await breakKnown(scene)
    const failing = startEcho({ registry: scene.registry({ timeout: 500 }), who: 'failing' })
    await expect(failing).rejects.toThrow(/^unavailable: .*ECONNREFUSED/)
    const waiting = startEcho({ registry: scene.registry({ timeout: 500, unreachable: 'wait' }), who: 'waiting' })
    await pause(1000)
    await restartAll(scene)
    const server = await waiting
    await scene.listening.shows(['a', 'b', 'waiting'], patience)
    await server.close()
    return { consumer: broken }
  })

  const quick: SceneOptions['registry'] = { timeout: 1000, keepalive: { interval: 5000, timeout: 1000 } }
  fault('paused for longer than the TTL', { size, registry: quick }, async (scene) => {
    for (const member of scene.members) member.pause()
    await lossKnown(scene)
    await breakKnown(scene)
    for (const member of scene.members) member.resume()
    await scene.whole()
    return { a: lost, b: lost, consumer: broken }
  })

  const quota = { args: ['--quota-backend-bytes', String(4 * 1024 * 1024)] }
  fault('out of its quota (NOSPACE)', { size, made: quota }, async ({ admin, members, etcd, key, heard, registry, whole }) => {
    const filler = 'x'.repeat(500_000)
    await expect(
      (async () => {
        for (let i = 0; i < 100; i++) await admin.put('filler', filler)
      })(),
    ).rejects.toThrow('database space exceeded')
    // Who is registered stays so; who comes is told.
    const refused = registry().register({ id: 'c', service: 'echo', address: '127.0.0.1:1' })
    await expect(refused).rejects.toThrow(/^resource_exhausted: .*database space exceeded/)
    await admin.delete({ key: key('a') })
    await heard('a', 'healing')
    await pause(1500)
    const { revision } = await admin.range({ key: 'filler', keysOnly: true })
    await admin.compact(revision, { physical: true })
    for (const member of members) await member.etcdctl('defrag')
    await etcd.etcdctl('alarm', 'disarm')
    await whole()
    return { a: lost }
  })

  // A limit to the size of its files does to etcd what a full disk does: it dies at a write, again and again.
  fault('with files that cannot grow', { size, made: { fileLimit: 64_000_000 + 4096 } }, (scene) => full(scene))
})

if (mayMount())
  describe('etcd', () => {
    // Its log takes two files of 64 MB from the beginning.
    fault('with its disk full', { made: { disk: 140 * 1024 * 1024 } }, (scene) => full(scene))
  })
else console.warn('left out: etcd with its disk full, for this user may not mount a disk')

/** Writes until etcd cannot, and gives it room after a while. */
async function full(scene: Scene): Promise<Told> {
  const { admin, members } = scene
  const filler = 'x'.repeat(1_000_000)
  const quorum = (): boolean => members.filter(({ running }) => running).length > members.length / 2
  for (let i = 0; i < 200 && quorum(); i++) {
    await admin.put(`filler${i}`, filler, { timeout: 2000 }).catch(() => {})
    // These count as what etcd is asked, too.
    await pause(50)
  }
  await until('its end', () => !quorum(), patience)
  await breakKnown(scene)
  await lossKnown(scene)
  await restartAll(scene, { unlimited: true })
  await scene.whole()
  return { a: lost, b: lost, consumer: broken }
}

describe('a cluster', () => {
  /** The index of the leader. */
  async function leaderOf({ admin, members }: Scene): Promise<number> {
    const { leader } = await admin.status()
    const name = (await admin.members()).find(({ id }) => id === leader)?.name ?? ''
    return Number(name.slice(1)) % members.length
  }

  for (const who of ['leader', 'follower'] as const) {
    for (const what of ['killed', 'paused'] as const) {
      fault(`with its ${who} ${what}`, { size: 3 }, async (scene) => {
        const leader = await leaderOf(scene)
        const member = scene.members[who === 'leader' ? leader : (leader + 1) % 3]
        if (what === 'killed') await member?.kill()
        else member?.pause()
        await pause(10_000)
        if (what === 'killed') await member?.restart()
        else member?.resume()
        await scene.whole()
        // Whoever was at that member has gone to another, and nobody lost a lease. But a leader that was paused revokes, when it goes
        // on, what has not been renewed by way of it (https://github.com/etcd-io/etcd/issues/15247): then it is put back.
        const revoked = who === 'leader' && what === 'paused' ? ({ a: 'perhaps', b: 'perhaps' } as const) : {}
        return { ...revoked, consumer: 'perhaps' }
      })
    }
  }
})
