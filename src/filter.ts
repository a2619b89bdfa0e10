import type { Instance, Resolver } from './registry.ts'

/** Chooses which instances of a service a client uses: the whole set in, a part of it out. It is asked anew whenever the set changes. */
export type Filter = (all: readonly Instance[]) => readonly Instance[]

/** Instances of one version; go-micro's FilterVersion. */
export function byVersion(version: string): Filter {
  return (all) => all.filter((instance) => instance.version === version)
}

/** Instances whose metadata says so; go-micro's FilterLabel. */
export function byLabel(name: string, value: string): Filter {
  return (all) => all.filter(({ metadata }) => metadata !== undefined && Object.hasOwn(metadata, name) && metadata[name] === value)
}

/** Instances that advertise a method, written as in `Greeter.Hello`; go-micro's FilterEndpoint. */
export function byEndpoint(name: string): Filter {
  return (all) => all.filter(({ endpoints }) => endpoints?.some((endpoint) => endpoint.name === name))
}

/** The same resolver as seen through filters, one after the other. */
export function filtered(resolver: Resolver, filters: readonly Filter[]): Resolver {
  if (filters.length === 0) return resolver
  return {
    name: `${resolver.name} (filtered)`,
    watch: (service, listener) =>
      resolver.watch(service, {
        update: (all) => listener.update(filters.reduce((some, filter) => filter(some), all)),
        error: (error) => listener.error(error),
      }),
  }
}
