import { describe } from 'vitest'
import { until } from '../support/echo.ts'
import { fault, type SceneOptions, soon, ttl } from './scene.ts'

const lost = ['healing', 'registered'] as const
const broken = ['stale', 'connected'] as const
// As quick as etcd allows, so that the tests are.
const registry: SceneOptions['registry'] = { timeout: 1000, keepalive: { interval: 5000, timeout: 1000 } }

describe('a network', () => {
  fault('cut without RST, on the stream of the watch', { registry }, async ({ far, consumer, registry: another, listening, whole }) => {
    far.blackHole()
    const late = await another().register({ id: 'c', service: 'echo', address: '127.0.0.1:1' })
    await late.deregister()
    await until('the break', () => consumer.state.status === 'stale', 8000)
    far.heal()
    await whole(2 * soon)
    await listening.shows(['a', 'b'])
    return { consumer: broken }
  })

  fault('cut without RST, on the stream of the leases', { registry }, async ({ near, servers, whole }) => {
    near.blackHole()
    await until('the loss', () => servers.every((server) => server.registration?.state === 'healing'), ttl + 1000)
    near.heal()
    await whole(2 * soon)
    return { a: lost, b: lost }
  })

  fault('cut without RST for less than the TTL', { registry: { ...registry, ttl: 10_000 } }, async ({ near, whole }) => {
    near.blackHole()
    await new Promise((resolve) => setTimeout(resolve, 4500))
    near.heal()
    await new Promise((resolve) => setTimeout(resolve, 6500))
    await whole(2 * soon)
    return {}
  })

  fault('that holds everything back, then lets it through', { registry }, async ({ near, far, servers, consumer, whole }) => {
    near.hold()
    far.hold()
    await until('the loss', () => servers.every((server) => server.registration?.state === 'healing'), ttl + 1000)
    await until('the break', () => consumer.state.status === 'stale', 8000)
    near.heal()
    far.heal()
    await whole(2 * soon)
    return { a: lost, b: lost, consumer: broken }
  })

  fault('that breaks again and again', { registry: { ttl: 8000 } }, async ({ near, far, consumer, whole }) => {
    const told: string[] = []
    consumer.onState(({ status }) => told.push(status))
    for (let i = 0; i < 30; i++) {
      near.cut()
      far.cut()
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    await whole(2 * soon)
    return { consumer: told }
  })

  fault('that refuses everything for a while', { registry: { ttl: 8000 } }, async ({ near, far, consumer, whole }) => {
    const before = near.accepted + far.accepted
    near.cut({ refuse: true })
    far.cut({ refuse: true })
    await new Promise((resolve) => setTimeout(resolve, 3000))
    const tries = near.accepted + far.accepted - before
    if (tries > 100) throw new Error(`${tries} connections tried in 3 s`)
    near.heal()
    far.heal()
    await until('the end of it', () => consumer.state.status === 'connected', soon)
    await whole()
    return { consumer: broken }
  })
})
