import { describe, expect, it } from 'vitest'
import { requireEtcd } from '../support/etcd.ts'
import { randomRun } from './random.ts'

/** Seeds that have failed once, and one for each size of etcd. */
const seeds = [1, 2]

describe('a mix of faults', () => {
  for (const seed of seeds) {
    it.concurrent(`with seed ${seed}`, { timeout: 120_000 }, async (ctx) => {
      requireEtcd(ctx)
      const lines: string[] = []
      expect(await randomRun({ seed, seconds: 20, log: (line) => lines.push(line) }), lines.join('\n')).toEqual([])
    })
  }
})
