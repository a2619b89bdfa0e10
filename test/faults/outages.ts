import { expect } from 'vitest'
import { startEcho } from '../support/echo.ts'
import { fault, patience, type Scene, type SceneOptions, short } from './scene.ts'

/** What is told of a registration, and of sets, that were lost and came back. */
export const lost = ['healing', 'registered'] as const
export const broken = ['stale', 'connected'] as const

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

async function killAll({ members }: Scene): Promise<void> {
  await Promise.all(members.map((member) => member.kill()))
}

export async function restartAll({ members }: Scene, options?: { readonly empty?: boolean; readonly unlimited?: boolean }): Promise<void> {
  await Promise.all(members.map((member) => member.restart(options)))
}

/** The servers know that they are registered no longer. */
export async function lossKnown({ heard }: Scene): Promise<void> {
  await Promise.all([heard('a', 'healing'), heard('b', 'healing')])
}

export function breakKnown({ heard }: Scene): Promise<void> {
  return heard('consumer', 'stale')
}

/** The faults of an etcd that is down as a whole, by either of its APIs. */
export function outages(place: Pick<SceneOptions, 'size' | 'api'>): void {
  const often = { ...place, registry: { ttl: 15_000, heartbeat: 1000 } }
  fault('killed and back within the TTL', often, async (scene) => {
    await killAll(scene)
    await breakKnown(scene)
    // Some renewals fail.
    await pause(2000)
    await restartAll(scene)
    await scene.whole()
    return { consumer: broken }
  })

  fault('killed and back after the TTL', { ...place, registry: { ttl: short } }, async (scene) => {
    await killAll(scene)
    await lossKnown(scene)
    await pause(1000)
    await restartAll(scene)
    await scene.whole()
    return { a: lost, b: lost, consumer: broken }
  })

  // A server may be back before the other when sets are read; whom that must not cost anybody lets no share of a set vanish at once.
  fault('killed and back with an empty data directory', { ...place, registry: { shrink: 0 } }, async (scene) => {
    const before = scene.listening.told.length
    await killAll(scene)
    await breakKnown(scene)
    await restartAll(scene, { empty: true })
    await scene.whole()
    // No set without the two was ever told.
    expect(scene.listening.told.slice(before).filter((ids) => ids.join() !== 'a,b')).toEqual([])
    return { a: lost, b: lost, consumer: broken }
  })

  fault('down at start: the client fails, or waits, by option', { ...place, registry: { ttl: 20_000 } }, async (scene) => {
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
}
