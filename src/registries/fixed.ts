import { parseAddress } from '../address.ts'
import { RpcError } from '../error.ts'
import { type Instances, instancesOf } from '../instances.ts'
import type { Registry } from '../registry.ts'

/** Addresses by service name, or one list for whatever service is asked for. */
export type FixedAddresses = readonly string[] | Readonly<Record<string, readonly string[]>>

/**
 * Instances whose addresses are known in advance and never change. It can be watched, but `register` rejects with
 * `failed_precondition`. Throws `invalid_argument` naming an address that is malformed, incomplete or listed twice.
 */
export function fixed(addresses: FixedAddresses): Registry {
  const any = isList(addresses) ? check(addresses) : undefined
  const known = new Map<string, Instances>()
  if (!isList(addresses)) for (const [service, list] of Object.entries(addresses)) known.set(service, listed(service, check(list)))
  let closed = false

  function instances(service: string): Instances {
    const found = known.get(service) ?? listed(service, any ?? [])
    known.set(service, found)
    return found
  }

  return {
    name: 'fixed addresses',
    watch(service, listener) {
      let stopped = false
      queueMicrotask(() => {
        if (!stopped && !closed) listener.update(instances(service))
      })
      return () => {
        stopped = true
      }
    },
    async register({ service, address }) {
      throw new RpcError(
        'failed_precondition',
        `"${service}" cannot be registered at ${address}: fixed addresses are given in advance; list it there, or serve without a registry`,
      )
    },
    services: async () => (isList(addresses) ? [] : Object.keys(addresses).sort()),
    async close() {
      closed = true
    },
  }
}

function isList(addresses: FixedAddresses): addresses is readonly string[] {
  return Array.isArray(addresses)
}

function check(addresses: readonly string[]): readonly string[] {
  for (const address of addresses) {
    const { host, port } = parseAddress(address)
    if (host === '' || port === 0)
      throw new RpcError('invalid_argument', `fixed: address ${JSON.stringify(address)} needs a host and a port other than 0, to be called`)
  }
  const twice = addresses.find((address, i) => addresses.indexOf(address) !== i)
  if (twice !== undefined) throw new RpcError('invalid_argument', `fixed: address ${JSON.stringify(twice)} is listed twice`)
  return addresses
}

function listed(service: string, addresses: readonly string[]): Instances {
  return instancesOf(addresses.map((address) => ({ id: `${service}-${address}`, service, address })))
}
