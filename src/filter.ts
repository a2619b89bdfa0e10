import { type Instances, instancesOf } from './instances.ts'
import type { Instance, Resolver } from './registry.ts'

/**
 * Chooses which instances of a service a client uses: the whole set in, a part of it out. It is asked anew whenever the set changes;
 * one that always gives the same function to `all.filter` is only asked about what has changed.
 */
export type Filter = (all: Instances) => Iterable<Instance>

/** Instances of one version; go-micro's FilterVersion. */
export function byVersion(version: string): Filter {
  return each((instance) => instance.version === version)
}

/** Instances whose metadata says so; go-micro's FilterLabel. */
export function byLabel(name: string, value: string): Filter {
  return each(({ metadata }) => metadata !== undefined && Object.hasOwn(metadata, name) && metadata[name] === value)
}

/** Instances that advertise a method, written as in `Greeter.Hello`; go-micro's FilterEndpoint. */
export function byEndpoint(name: string): Filter {
  return each(({ endpoints }) => endpoints?.some((endpoint) => endpoint.name === name) ?? false)
}

function each(keep: (instance: Instance) => boolean): Filter {
  return (all) => all.filter(keep)
}

/** The same resolver as seen through filters, one after the other. */
export function filtered(resolver: Resolver, filters: readonly Filter[]): Resolver {
  if (filters.length === 0) return resolver
  return {
    name: `${resolver.name} (filtered)`,
    watch: (service, listener) =>
      resolver.watch(service, {
        update: (all) => listener.update(filters.reduce((some, filter) => instancesOf(filter(some)), all)),
        error: (error) => listener.error(error),
      }),
  }
}
