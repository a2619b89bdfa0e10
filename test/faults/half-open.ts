import type { EtcdRegistryOptions } from '../../src/registries/etcd.ts'
import { v2 } from './api.ts'
import { lost, pause } from './outages.ts'
import { fault, type SceneOptions, setOf, short } from './scene.ts'

/** As quick as etcd allows, so that the tests are. */
export const quick: EtcdRegistryOptions = { timeout: 1000, keepalive: { interval: 5000, timeout: 1000 } }

/** The faults of a network that swallows everything without a word, by either of etcd's APIs. */
export function halfOpen(place: Pick<SceneOptions, 'size' | 'api'>): void {
  const { size, api } = place

  fault('cut without RST, on the stream of the watch', { ...place, registry: quick }, async (scene) => {
    const { far, listening, whole } = scene
    // By the former API a request that is not answered goes to another member, where there is one.
    const set = api === v2 && size === 3 ? [] : setOf(scene)
    far.blackHole()
    const late = await scene.registry().register({ id: 'c', service: 'echo', address: '127.0.0.1:1' })
    await late.deregister()
    if (size === 1) await scene.heard('consumer', 'stale')
    else await pause(8000)
    far.heal()
    await whole()
    await listening.shows(['a', 'b'])
    return { consumer: set }
  })

  // One member alone cannot renew anything then; of three, another can in time.
  const ttl = size === 1 ? short : 9000
  fault('cut without RST, on the stream of the leases', { ...place, registry: { ...quick, ttl } }, async (scene) => {
    scene.near.blackHole()
    if (size === 1) await Promise.all([scene.heard('a', 'healing'), scene.heard('b', 'healing')])
    else await pause(9000)
    scene.near.heal()
    await scene.whole()
    return size === 1 ? { a: lost, b: lost } : {}
  })
}
