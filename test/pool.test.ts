import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { p2c } from '../src/balancers/p2c.ts'
import { instancesOf } from '../src/instances.ts'
import { silent } from '../src/logger.ts'
import { createPool, type Pool, type PoolOptions } from '../src/pool.ts'
import type { Instance, ResolverListener } from '../src/registry.ts'
import { manualClock } from '../src/testing/clock.ts'
import type { ConnectionState } from '../src/transport.ts'

interface Dialed {
  readonly address: string
  open: boolean
  enter(state: ConnectionState): void
}

/** A pool whose set and connections are moved by hand. */
function bench(options: Partial<PoolOptions> = {}) {
  let listener: ResolverListener | undefined
  const dialed: Dialed[] = []
  const pool: Pool = createPool({
    service: 's',
    resolver: {
      name: 'by hand',
      watch(_service, given) {
        listener = given
        return () => {}
      },
    },
    transports: [
      {
        scheme: 'grpc',
        dial(address, { onState } = {}) {
          const connection: Dialed = { address, open: true, enter: (state) => onState?.(state) }
          dialed.push(connection)
          return {
            address,
            state: 'connecting',
            call: async () => undefined,
            async close() {
              connection.open = false
            },
          }
        },
        listen: () => Promise.reject(new Error('nobody listens')),
      },
    ],
    balancer: p2c(),
    nodeMiddleware: (next) => next,
    reconnect: { base: 1, max: 1 },
    drain: 0,
    clock: manualClock(),
    logger: silent,
    onChange: undefined,
    ...options,
  })
  return { pool, dialed, update: (all: readonly Instance[]) => listener?.update(instancesOf(all)) }
}

const at = (id: number, port: number, version = '1'): Instance => ({ id: `i${id}`, service: 's', address: `h:${port}`, version })
/** Until every connection of a hundred turns has been begun. */
const dialing = async (): Promise<void> => {
  for (let i = 0; i < 100; i++) await new Promise(setImmediate)
}
const ids = (nodes: Pool['nodes']): string[] => nodes.map(({ instance }) => instance.id)

describe('a pool', () => {
  it('has a node for each instance of the last set, and ready those whose connection is, whatever came before', () => {
    const step = fc.oneof(
      { weight: 2, arbitrary: fc.array(fc.record({ id: fc.nat(40), port: fc.integer({ min: 1, max: 3 }), version: fc.nat(2) })) },
      { weight: 5, arbitrary: fc.record({ nth: fc.nat(99), state: fc.constantFrom<ConnectionState>('ready', 'closed', 'draining') }) },
      { weight: 2, arbitrary: fc.constant('pick' as const) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { pool, dialed, update } = bench()
        let last = new Map<string, Instance>()
        const check = (): void => {
          const expected = [...last.keys()].sort()
          expect(ids(pool.nodes)).toEqual(expected)
          expect(pool.nodes.map(({ instance }) => instance)).toEqual(expected.map((id) => last.get(id)))
          expect(pool.ready).toEqual(pool.nodes.filter(({ state }) => state === 'ready'))
        }
        for (const one of steps) {
          if (one === 'pick') check()
          else if (Array.isArray(one)) {
            last = new Map(one.map(({ id, port, version }) => [`i${id}`, at(id, port, String(version))]))
            update([...last.values()])
            const needed = [...last.values()].map(({ address }) => address).sort()
            expect(needed.filter((address) => !dialed.some((connection) => connection.open && connection.address === address))).toEqual([])
          } else if (dialed.length > 0) dialed[one.nth % dialed.length]?.enter(one.state)
        }
        check()
      }),
    )
  })

  it('keeps node and connection where only the record changes, and not where the address does', () => {
    const { pool, dialed, update } = bench()
    update([at(1, 1), at(2, 2)])
    const before = pool.nodes
    update([at(1, 1, '2'), at(2, 3)])
    expect(pool.nodes[0]).toBe(before[0])
    expect(pool.nodes[0]?.instance.version).toBe('2')
    expect(pool.nodes[1]).not.toBe(before[1])
    expect(dialed.map(({ address, open }) => [address, open])).toEqual([
      ['h:1', true],
      ['h:2', false],
      ['h:3', true],
    ])
  })

  it('connects anew at once where a connection is sent away that has lasted, and after a growing wait where it has not', async () => {
    const clock = manualClock()
    const { dialed, update } = bench({ clock, reconnect: { base: 50, factor: 2, jitter: 0 } })
    const sentAway = (): void => {
      dialed.at(-1)?.enter('ready')
      dialed.at(-1)?.enter('draining')
    }
    update([at(1, 1)])
    for (const wait of [50, 100, 200]) {
      const before = dialed.length
      sentAway()
      await clock.advance(wait - 1)
      expect(dialed).toHaveLength(before)
      await clock.advance(1)
      expect(dialed).toHaveLength(before + 1)
    }
    dialed[3]?.enter('ready')
    await clock.advance(1001)
    dialed[3]?.enter('draining')
    expect(dialed).toHaveLength(5)
  })

  it('begins few connections in a turn of the event loop, anywhere in a large set, and none for who has gone meanwhile', async () => {
    const { pool, dialed, update } = bench({ reconnect: { random: () => 0.5 } })
    const all = Array.from({ length: 1000 }, (_, i) => at(i, i + 1))
    update(all)
    expect(pool.nodes).toHaveLength(1000)
    expect(dialed).toHaveLength(32)
    expect(dialed[0]?.address).toBe(pool.nodes[500]?.instance.address)
    dialed[0]?.enter('ready')
    expect(pool.ready).toHaveLength(1)
    const left = all.filter(({ id }) => !id.endsWith('3'))
    update([...left, at(2000, 5000)])
    await dialing()
    expect(new Set(dialed.map(({ address }) => address)).size).toBe(dialed.length)
    expect(dialed.filter(({ open }) => open)).toHaveLength(901)
    update(all)
    await pool.close()
    await dialing()
    expect(dialed.filter(({ open }) => open)).toEqual([])
  })

  it('lists what is ready anew only when that has changed, and once for any number of changes', async () => {
    const { pool, dialed, update } = bench()
    update(Array.from({ length: 100 }, (_, i) => at(i, i + 1)))
    await dialing()
    const none = pool.ready
    for (const connection of dialed.toReversed()) connection.enter('ready')
    const all = pool.ready
    expect(none).toEqual([])
    expect(ids(all)).toEqual(ids(pool.nodes))
    update(Array.from({ length: 100 }, (_, i) => at(i, i + 1, '2')))
    expect(pool.ready).toBe(all)
    dialed[7]?.enter('draining')
    expect(pool.ready).toHaveLength(99)
    expect(all).toHaveLength(100)
  })

  it('tells of many changes at once, and survives who throws at it', async () => {
    const told: number[] = []
    const onChange = (nodes: readonly { state: string }[]): void => {
      told.push(nodes.filter(({ state }) => state === 'ready').length)
      throw new Error('thrown on purpose')
    }
    const { dialed, update } = bench({ onChange })
    update(Array.from({ length: 100 }, (_, i) => at(i, i + 1)))
    await dialing()
    told.length = 0
    for (const connection of dialed) connection.enter('ready')
    await Promise.resolve()
    expect(told).toEqual([100])
    dialed[0]?.enter('draining')
    await Promise.resolve()
    expect(told).toEqual([100, 99])
  })
})
