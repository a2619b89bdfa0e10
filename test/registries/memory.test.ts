import { describe, expect, it } from 'vitest'
import { memory } from '../../src/registries/memory.ts'
import type { Instance, Registry } from '../../src/registry.ts'
import { registrySuite } from '../../src/testing/registry.ts'
import { failure } from '../support/context.ts'

const instance = (id: string, extra: Partial<Instance> = {}): Instance => ({ id, service: 'book', address: '10.0.0.1:80', ...extra })

function listen(registry: Registry, service = 'book') {
  const updates: string[][] = []
  const sets: (readonly Instance[])[] = []
  const stop = registry.watch(service, {
    update(all) {
      sets.push([...all])
      updates.push(all.map(({ id }) => id))
    },
    error() {},
  })
  return { updates, sets, stop }
}

describe('memory', () => {
  for (const { name, run } of registrySuite({ create: async () => memory() })) it(name, run)

  it('tells a set that is empty, too, but not while `watch` is running', async () => {
    const { updates } = listen(memory())
    expect(updates).toEqual([])
    await Promise.resolve()
    expect(updates).toEqual([[]])
  })

  it('has told every listener when `register` resolves', async () => {
    const registry = memory()
    const [one, other] = [listen(registry), listen(registry)]
    await registry.register(instance('b'))
    await registry.register(instance('a'))
    expect(one.updates.at(-1)).toEqual(['a', 'b'])
    expect(other.updates).toEqual(one.updates)
  })

  it('tells all changes of a tick at once', async () => {
    const registry = memory()
    const { updates } = listen(registry)
    await Promise.all(['a', 'b', 'c'].map((id) => registry.register(instance(id))))
    expect(updates).toEqual([['a', 'b', 'c']])
  })

  it('says nothing when nothing changed', async () => {
    const registry = memory()
    const { updates } = listen(registry)
    await registry.register(instance('other', { service: 'books' }))
    const [registration] = await Promise.all([registry.register(instance('a'))])
    expect(updates).toEqual([[], ['a']])
    await registration?.update(registration.instance)
    expect(updates).toHaveLength(2)
  })

  it('keeps the objects of instances that did not change', async () => {
    const registry = memory()
    const { sets } = listen(registry)
    const a = instance('a')
    await registry.register(a)
    await registry.register(instance('b'))
    expect(sets.at(-1)?.[0]).toBe(a)
  })

  it('lets a registration be updated, but not into another one', async () => {
    const registry = memory()
    const { sets } = listen(registry)
    const registration = await registry.register(instance('a'))
    await registration.update(instance('a', { version: '2' }))
    expect(sets.at(-1)).toEqual([instance('a', { version: '2' })])
    expect(registration.instance.version).toBe('2')
    expect((await failure(registration.update(instance('b')))).code).toBe('invalid_argument')
    expect((await failure(registration.update(instance('a', { service: 'x' })))).message).toContain(
      '"a" of "book" cannot become "a" of "x"',
    )
  })

  it('deregisters once, and is gone then', async () => {
    const registry = memory()
    const { updates } = listen(registry)
    const registration = await registry.register(instance('a'))
    const states: string[] = []
    registration.onState((state) => states.push(state))
    await Promise.all([registration.deregister(), registration.deregister()])
    expect(registration.state).toBe('gone')
    expect(states).toEqual(['gone'])
    expect(updates.at(-1)).toEqual([])
    expect((await failure(registration.update(instance('a')))).code).toBe('failed_precondition')
  })

  it('lets an id that is registered again replace the former', async () => {
    const registry = memory()
    const { sets } = listen(registry)
    const former = await registry.register(instance('a'))
    const latter = await registry.register(instance('a', { address: '10.0.0.2:80' }))
    expect([former.state, latter.state]).toEqual(['gone', 'registered'])
    await former.deregister()
    expect(sets.at(-1)?.map(({ address }) => address)).toEqual(['10.0.0.2:80'])
  })

  it('goes on when a listener stops another, or itself', async () => {
    const registry = memory()
    const second = listen(registry)
    let heard = 0
    const stop = registry.watch('book', {
      update() {
        heard++
        stop()
      },
      error() {},
    })
    await registry.register(instance('a'))
    await registry.register(instance('b'))
    second.stop()
    await registry.register(instance('c'))
    expect(heard).toBe(1)
    expect(second.updates.at(-1)).toEqual(['a', 'b'])
  })

  it('lists the services that have an instance', async () => {
    const registry = memory()
    const user = await registry.register(instance('u', { service: 'user' }))
    await registry.register(instance('a'))
    expect(await registry.services()).toEqual(['book', 'user'])
    await user.deregister()
    expect(await registry.services()).toEqual(['book'])
  })

  it('ends everything when it is closed', async () => {
    const registry = memory()
    const registration = await registry.register(instance('a'))
    const { updates } = listen(registry)
    await registry.close()
    await registry.close()
    expect(registration.state).toBe('gone')
    expect(updates.flat()).toEqual([])
    expect((await failure(registry.register(instance('b')))).code).toBe('failed_precondition')
  })

  it.each([
    [{ id: '' }, 'id must not be empty'],
    [{ service: '' }, 'service must not be empty'],
    [{ weight: 0 }, 'weight must be > 0, got 0'],
    [{ address: 'nowhere' }, 'address "nowhere"'],
  ])('refuses %j', async (extra, message) => {
    const error = await failure(memory().register(instance('a', extra)))
    expect(error.code).toBe('invalid_argument')
    expect(error.message).toContain(message)
  })
})

describe('a listener to the state of a registration in memory', () => {
  it('that throws does not keep the instance from leaving', async () => {
    const thrown: unknown[] = []
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.once('uncaughtException', (error) => thrown.push(error))
    const registry = memory()
    const { updates } = listen(registry)
    const registration = await registry.register(instance('a'))
    registration.onState(() => {
      throw new Error('thrown on purpose')
    })
    await registration.deregister()
    await new Promise(setImmediate)
    for (const other of others) process.on('uncaughtException', other)
    expect(updates.at(-1)).toEqual([])
    expect(thrown).toEqual([new Error('thrown on purpose')])
  })
})
