import { expect, it } from 'vitest'
import { fuzz } from './fuzz.ts'

it('no bytes of a peer crash, hang or fill either side', async () => {
  expect(await fuzz({ seed: 1, rounds: 260, ms: 15_000 })).toBeGreaterThan(0)
}, 90_000)
