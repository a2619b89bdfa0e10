import { describe, expect, it } from 'vitest'
import { createQueue } from '../../src/etcd/queue.ts'
import { collect } from '../support/context.ts'

describe('queue', () => {
  it('gives what was pushed before and after reading began, then ends', async () => {
    const queue = createQueue<number>()
    queue.push(1)
    const all = collect(queue)
    await Promise.resolve()
    queue.push(2)
    queue.push(3)
    queue.end()
    expect(await all).toEqual([1, 2, 3])
  })
  it('takes nothing after its end', async () => {
    const queue = createQueue<number>()
    queue.end()
    queue.push(1)
    expect(await collect(queue)).toEqual([])
  })
  it('takes nothing after its reader has left', async () => {
    const queue = createQueue<number>()
    queue.push(1)
    for await (const item of queue) {
      expect(item).toBe(1)
      break
    }
    queue.push(2)
    expect(await collect(queue)).toEqual([])
  })
})
