import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { attacks } from './attacks.ts'
import { type Stage, stage } from './stage.ts'

let on: Stage
beforeAll(async () => {
  on = await stage()
})
afterAll(() => on.end())

describe('a server with default limits is not hurt, nor are the calls of others, by', () => {
  it.each(attacks.map((attack) => [attack.threat, attack] as const))('%s', { timeout: 120_000 }, async (_, attack) => {
    const { outcome, good, bad, heldBytes } = await on.attack(attack.run)
    expect(outcome).toMatch(attack.ends)
    expect(bad).toEqual([])
    expect(good).toBeGreaterThan(0)
    expect(heldBytes).toBeLessThan((attack.holds ?? 112) * 1_048_576)
  })
})
