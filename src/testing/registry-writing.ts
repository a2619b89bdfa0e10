import assert from 'node:assert/strict'
import type { RegistrationState } from '../registry.ts'
import type { Case } from './case.ts'
import { type Run, rejects } from './registry-bench.ts'

/** What a registrar has to keep to. */
export function registrarCases(run: Run): readonly Case[] {
  return [
    run('says that it is registered', async ({ registry, instance }) => {
      const given = instance('a')
      const registration = await registry.register(given)
      assert.equal(registration.state, 'registered')
      assert.deepEqual(registration.instance, given)
    }),
    run('replaces the record on update', async ({ registry, other, instance, listen, eventually }) => {
      const listening = listen(other)
      const registration = await registry.register(instance('a', { version: '1', metadata: { color: 'red' } }))
      await listening.shows('a')
      const changed = instance('a', { version: '2', address: '10.0.0.9:90', metadata: { color: 'blue' } })
      await registration.update(changed)
      assert.deepEqual(registration.instance, changed)
      const now = (): string => [listening.last[0]?.version, listening.last[0]?.address, listening.last[0]?.metadata?.color].join(' ')
      await eventually(
        () => now() === '2 10.0.0.9:90 blue',
        () => `the update, but saw ${now()}`,
      )
      assert.deepEqual([...new Set(listening.told.flat())], ['a'], 'an update is no other instance')
    }),
    run('refuses an update that makes it another instance', async ({ registry, instance }) => {
      const registration = await registry.register(instance('a'))
      await rejects('invalid_argument', registration.update(instance('b')))
      await rejects('invalid_argument', registration.update(instance('a', { service: 'another' })))
      assert.equal(registration.state, 'registered')
    }),
    run('refuses an instance without an id or a service', async ({ registry, instance }) => {
      await rejects('invalid_argument', registry.register(instance('')))
      await rejects('invalid_argument', registry.register(instance('a', { service: '' })))
      await rejects('invalid_argument', registry.register(instance('a', { address: 'nowhere' })))
    }),
    run('removes on deregister its own record only', async ({ registry, other, instance, listen }) => {
      const listening = listen(other)
      const a = await registry.register(instance('a'))
      await registry.register(instance('b'))
      await listening.shows('a', 'b')
      await a.deregister()
      await listening.shows('b')
    }),
    run('deregisters once, however often it is told to', async ({ registry, instance }) => {
      const registration = await registry.register(instance('a'))
      const states: RegistrationState[] = []
      registration.onState((state) => states.push(state))
      await Promise.all([registration.deregister(), registration.deregister()])
      await registration.deregister()
      assert.equal(registration.state, 'gone')
      assert.deepEqual(states, ['gone'])
      await rejects('failed_precondition', registration.update(instance('a')))
    }),
    run('says nothing of its state to a listener that has stopped', async ({ registry, instance }) => {
      const registration = await registry.register(instance('a'))
      const states: RegistrationState[] = []
      registration.onState((state) => states.push(state))()
      await registration.deregister()
      assert.deepEqual(states, [])
    }),
    run('registers an instance again that was deregistered', async ({ registry, other, instance, listen, eventually }) => {
      const listening = listen(other)
      await (await registry.register(instance('a'))).deregister()
      await registry.register(instance('a', { address: '10.0.0.2:80' }))
      await listening.shows('a')
      await eventually(
        () => listening.last[0]?.address === '10.0.0.2:80',
        () => 'the second address',
      )
    }),
    run('does not lose any of many changes at once', async ({ registry, other, instance, listen }) => {
      const listening = listen(other)
      const ids = Array.from({ length: 60 }, (_, i) => `i${String(i).padStart(2, '0')}`)
      const all = await Promise.all(ids.map((id) => registry.register(instance(id))))
      await listening.shows(...ids)
      await Promise.all(all.filter((_, i) => i % 3 !== 0).map((registration) => registration.deregister()))
      await listening.shows(...ids.filter((_, i) => i % 3 === 0))
    }),
  ]
}

/** What the end of a registry has to keep to. */
export function endingCases(run: Run): readonly Case[] {
  return [
    run('deregisters everything when it is closed', async ({ registry, other, instance, listen }) => {
      const registrations = [await registry.register(instance('a')), await registry.register(instance('b'))]
      const listening = other === registry ? undefined : listen(other)
      await listening?.shows('a', 'b')
      await registry.close()
      await registry.close()
      assert.deepEqual(
        registrations.map(({ state }) => state),
        ['gone', 'gone'],
      )
      await listening?.shows()
    }),
    run('takes nothing any more when it is closed', async ({ registry, instance }) => {
      await registry.close()
      await rejects('failed_precondition', registry.register(instance('a')))
    }),
  ]
}
