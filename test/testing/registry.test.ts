import { describe, expect, it } from 'vitest'
import { type Instances, instancesOf, nobody } from '../../src/instances.ts'
import { memory } from '../../src/registries/memory.ts'
import type { Instance, Registry } from '../../src/registry.ts'
import { registrySuite } from '../../src/testing/registry.ts'

describe('registrySuite on memory', () => {
  for (const { name, run } of registrySuite({ create: async () => memory() })) it(name, run)
})

describe('registrySuite', () => {
  /** Names of the cases that a registry fails. */
  async function failures(spoil: (registry: Registry) => Partial<Registry>): Promise<string[]> {
    const failed: string[] = []
    const create = async (): Promise<Registry> => {
      const registry = memory()
      return { ...registry, ...spoil(registry) }
    }
    for (const { name, run } of registrySuite({ create, patience: 100 })) await run().catch(() => failed.push(name))
    return failed
  }

  it('catches sets out of order', async () => {
    const reversed = (all: Instances): Instances =>
      Object.create(all, { map: { value: <T>(to: (instance: Instance) => T) => all.map(to).toReversed() } })
    const failed = await failures(({ watch }) => ({
      watch: (service, listener) => watch(service, { ...listener, update: (all) => listener.update(reversed(all)) }),
    }))
    expect(failed).toContain('gives whole sets, ordered by id')
  })

  it('catches a listener called too early', async () => {
    const failed = await failures(({ watch }) => ({
      watch(service, listener) {
        listener.update(nobody)
        return watch(service, listener)
      },
    }))
    expect(failed).toContain('does not call a listener before watch has returned')
  })

  it('catches a deregistration that does nothing', async () => {
    const failed = await failures(({ register }) => ({
      register: async (instance) => ({ ...(await register(instance)), deregister: async () => {} }),
    }))
    expect(failed).toContain('removes on deregister its own record only')
  })

  it('catches services that are mixed up', async () => {
    const failed = await failures(({ watch, register }) => ({
      watch: (_service, listener) => watch('all', listener),
      register: (instance) => register({ ...instance, service: 'all' }),
    }))
    expect(failed).toContain('tells services apart, also those whose names begin alike')
  })

  it('waits for an update no longer than its patience', async () => {
    const create = async (): Promise<Registry> => {
      const registry = memory()
      const former = (all: Instances) => instancesOf([...all].map((one) => ({ ...one, version: '1' })))
      return {
        ...registry,
        watch: (service, listener) => registry.watch(service, { ...listener, update: (all) => listener.update(former(all)) }),
      }
    }
    const found = registrySuite({ create, patience: 50 }).find(({ name }) => name === 'replaces the record on update')
    await expect(found?.run()).rejects.toThrow(/^waited 50 ms for the update, but saw 1 /)
  })
})
