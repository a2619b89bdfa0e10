import { describe, expect, it } from 'vitest'
import { bounded } from '../../src/testing/case.ts'

describe('a case of a suite', () => {
  it('fails where it would wait for ever, whatever the runner does about that', async () => {
    const { name, run } = bounded({ name: 'waits', run: () => new Promise<void>(() => {}) }, 20)
    expect(name).toBe('waits')
    await expect(run()).rejects.toThrow(/^it has not come to an end after 20 ms$/)
  })
})
