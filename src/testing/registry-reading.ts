import assert from 'node:assert/strict'
import type { Instance } from '../registry.ts'
import type { Case } from './case.ts'
import type { Run } from './registry-bench.ts'

/** What a resolver has to keep to. */
export function resolverCases(run: Run): readonly Case[] {
  return [
    run('shows a listener what is registered already', async ({ registry, other, instance, listen }) => {
      await registry.register(instance('a'))
      await listen(other).shows('a')
    }),
    run('tells that there are no instances, then of one that comes', async ({ registry, other, instance, listen }) => {
      const listening = listen(other)
      await listening.shows()
      await registry.register(instance('a'))
      await listening.shows('a')
      assert.deepEqual(listening.told, [[], ['a']])
    }),
    run('gives whole sets, ordered by id', async ({ registry, other, instance, listen }) => {
      const listening = listen(other)
      for (const id of ['b', 'c', 'a']) await registry.register(instance(id))
      await listening.shows('a', 'b', 'c')
      for (const ids of listening.told) assert.deepEqual(ids, ids.toSorted(), 'a set out of order')
    }),
    run('carries the whole instance', async ({ registry, other, service, instance, listen }) => {
      const endpoints = [
        { name: 'Say.Hello', request: { name: 'Req', type: 'Req', values: [{ name: 'name', type: 'string' }] }, metadata: {} },
      ]
      const metadata = { region: 'north <&> ü', empty: '' }
      const whole = instance('a', { version: '1.2.3', weight: 2.5, zone: 'z1', metadata, endpoints })
      await registry.register(whole)
      const listening = listen(other)
      await listening.shows('a')
      const [found] = listening.last
      assert.ok(found)
      const { address, version, weight, zone } = found
      assert.deepEqual({ service: found.service, address, version, weight, zone }, { ...pick(whole), service })
      for (const [name, value] of Object.entries(metadata)) assert.equal(found.metadata?.[name], value, `metadata ${name}`)
      assert.deepEqual(found.endpoints, endpoints)
    }),
    run('serves any number of listeners, a late one at once', async ({ registry, instance, listen }) => {
      const early = [listen(registry), listen(registry)]
      await registry.register(instance('a'))
      for (const listening of early) await listening.shows('a')
      const late = listen(registry)
      await late.shows('a')
      assert.deepEqual(late.told, [['a']], 'a late listener begins with the set of now')
      await registry.register(instance('b'))
      for (const listening of [...early, late]) await listening.shows('a', 'b')
    }),
    run('does not call a listener before watch has returned', async ({ registry, service, instance }) => {
      await registry.register(instance('a'))
      let returned = false
      const early = await new Promise<boolean>((resolve) => {
        registry.watch(service, { update: () => resolve(!returned), error: () => {} })
        returned = true
      })
      assert.equal(early, false)
    }),
    run('says nothing to a listener that has stopped', async ({ registry, instance, listen }) => {
      const [stopped, going] = [listen(registry), listen(registry)]
      await stopped.shows()
      stopped.stop()
      stopped.stop()
      await registry.register(instance('a'))
      await going.shows('a')
      assert.deepEqual(stopped.told, [[]])
    }),
    run('watches again after the last listener has left', async ({ registry, instance, listen }) => {
      const before = listen(registry)
      await before.shows()
      before.stop()
      await registry.register(instance('a'))
      await listen(registry).shows('a')
    }),
    run('keeps a listener that throws from harming the others', async ({ registry, service, instance, listen }) => {
      // Thrown in a task of its own, or logged: both are right, and the runner must not fall over the first.
      const swallow = (): void => {}
      process.on('uncaughtException', swallow)
      try {
        registry.watch(service, {
          update() {
            throw new Error('thrown by a listener on purpose')
          },
          error: () => {},
        })
        const listening = listen(registry)
        await registry.register(instance('a'))
        await listening.shows('a')
      } finally {
        process.off('uncaughtException', swallow)
      }
    }),
    run('tells services apart, also those whose names begin alike', async ({ registry, other, service, instance, listen }) => {
      const names = [service, `${service}2`, `${service}.sub`, `${service}/sub`, `${service}-sub`]
      const listenings = names.map((name) => listen(other, name))
      for (const [i, name] of names.entries()) await registry.register(instance(`i${i}`, { service: name }))
      for (const [i, listening] of listenings.entries()) await listening.shows(`i${i}`)
      for (const [i, { told }] of listenings.entries())
        assert.ok(
          told.flat().every((id) => id === `i${i}`),
          `"${names[i]}" was told ${told}`,
        )
    }),
    run('names all services that have an instance, sorted', async ({ registry, other, service, instance }) => {
      const gone = await registry.register(instance('c', { service: `${service}.gone` }))
      await registry.register(instance('b', { service: `${service}/b` }))
      await registry.register(instance('a', { service: `${service}/a` }))
      await registry.register(instance('a2', { service: `${service}/a` }))
      await gone.deregister()
      const names = await other.services()
      assert.deepEqual(
        names.filter((name) => name.startsWith(service)),
        [`${service}/a`, `${service}/b`],
      )
      assert.deepEqual(names, names.toSorted())
    }),
  ]
}

function pick({ address, version, weight, zone }: Instance): Partial<Instance> {
  return { address, ...(version && { version }), ...(weight && { weight }), ...(zone && { zone }) }
}
