import { fault, onBoth, type SceneOptions, setOf } from './scene.ts'

const lost = ['healing', 'registered'] as const
// As quick as etcd allows, so that the tests are.
const registry: SceneOptions['registry'] = { timeout: 1000, keepalive: { interval: 5000, timeout: 1000 } }

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

onBoth('a network', (size) => {
  fault('cut without RST, on the stream of the watch', { size, registry }, async (scene) => {
    const { far, listening, whole } = scene
    const set = setOf(scene)
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
  const ttl = size === 1 ? {} : { ttl: 9000 }
  fault('cut without RST, on the stream of the leases', { size, registry: { ...registry, ...ttl } }, async (scene) => {
    scene.near.blackHole()
    if (size === 1) await Promise.all([scene.heard('a', 'healing'), scene.heard('b', 'healing')])
    else await pause(9000)
    scene.near.heal()
    await scene.whole()
    return size === 1 ? { a: lost, b: lost } : {}
  })

  fault('cut without RST for less than the TTL', { size, registry: { ...registry, ttl: 10_000 } }, async ({ near, whole }) => {
    near.blackHole()
    await pause(4500)
    near.heal()
    await pause(6500)
    await whole()
    return {}
  })

  fault('that holds everything back, then lets it through', { size, registry: { ...registry, ...ttl } }, async (scene) => {
    const { near, far, whole } = scene
    const set = setOf(scene)
    near.hold()
    far.hold()
    if (size === 1) {
      await Promise.all([scene.heard('a', 'healing'), scene.heard('b', 'healing'), scene.heard('consumer', 'stale')])
    } else await pause(9000)
    near.heal()
    far.heal()
    await whole()
    return { ...(size === 1 && { a: lost, b: lost }), consumer: set }
  })

  fault('that breaks again and again', { size, registry: { ttl: 8000 } }, async ({ near, far, consumer, whole }) => {
    const told: string[] = []
    consumer.onState(({ status }) => told.push(status))
    for (let i = 0; i < 30; i++) {
      near.cut()
      far.cut()
      await pause(100)
    }
    await whole()
    return { consumer: told }
  })

  fault('that refuses everything for a while', { size, registry: { ttl: 8000 } }, async (scene) => {
    const { near, far, whole } = scene
    const set = setOf(scene)
    const before = scene.tries()
    near.cut({ refuse: true })
    far.cut({ refuse: true })
    await pause(3000)
    const tries = scene.tries() - before
    if (tries > 100) throw new Error(`${tries} connections tried in 3 s`)
    near.heal()
    far.heal()
    await whole()
    return { consumer: set }
  })
})
