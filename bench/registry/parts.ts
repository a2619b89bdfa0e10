import { measureChange } from './change.ts'
import { measureDiscovery } from './discovery.ts'
import { measureHerd } from './herd.ts'
import { measureLatency } from './latency.ts'
import { measureList } from './list.ts'
import { measureRegistering } from './registering.ts'
import type { Results } from './results.ts'
import type { Scene } from './scene.ts'

/** So many that V8's giving memory back, seconds after a large set was listed, falls into the fewer of them. */
const rounds = 7

/** Every part by the name that `--only` takes, in their order. */
export const parts: Readonly<Record<string, (scene: Scene) => Promise<Results>>> = {
  change: async (scene) => {
    const sizes = [10, 1000, 10_000, 100_000].filter((size) => size <= scene.max)
    return scene.quick
      ? { change: await measureChange(scene, sizes.slice(-1), 1, 200) }
      : { change: await measureChange(scene, sizes, rounds, 1000) }
  },
  latency: async (scene) => ({
    putToListenerMs: await measureLatency(scene, Math.min(10_000, scene.max), scene.quick ? 50 : 1000),
  }),
  list: async (scene) => ({ list: await measureList(scene, Math.min(10_000, scene.max)) }),
  registering: async (scene) => ({ registering: await measureRegistering(scene, Math.min(10_000, scene.max)) }),
  discovery: async (scene) => ({ discovery: await measureDiscovery(scene) }),
  herd: async (scene) => ({
    herd: await (scene.quick ? measureHerd(scene, 50, [200, 2000]) : measureHerd(scene, 1000, [200, 2000, 30_000])),
  }),
}
