import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { RpcError } from '../error.ts'
import type { Instance, Registry } from '../registry.ts'
import type { Case } from './case.ts'

/** What a case works with. */
export interface RegistryBench {
  readonly registry: Registry
  /** The same as `registry` where there is no other. */
  readonly other: Registry
  /** A name that no other case uses. */
  readonly service: string
  /** Each with an address of its own. */
  instance(id: string, extra?: Partial<Instance>): Instance
  /** Watches, and keeps what is told. */
  listen(registry: Registry, service?: string): Listening
  /** Resolves when the condition holds; fails, saying what did not come true, when patience is at its end. */
  eventually(condition: () => boolean, what: () => string): Promise<void>
}

/** Makes a case out of its body: with registries of its own, which are closed after it. */
export type Run = (name: string, body: (bench: RegistryBench) => Promise<void>) => Case

/** What a listener was told. */
export interface Listening {
  /** The sets of ids, in the order they were told. */
  readonly told: string[][]
  /** The set told last. */
  readonly last: readonly Instance[]
  readonly stop: () => void
  /** Resolves when the set told last has these ids. */
  shows(...ids: string[]): Promise<void>
}

/** The means for one case. */
export function makeBench(registry: Registry, other: Registry, patience: number): RegistryBench {
  const service = `suite.${randomUUID()}`
  let instances = 0

  async function eventually(condition: () => boolean, what: () => string): Promise<void> {
    const end = performance.now() + patience
    while (!condition()) {
      if (performance.now() > end) assert.fail(`waited ${patience} ms for ${what()}`)
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }

  return {
    eventually,
    registry,
    other,
    service,
    instance: (id, extra) => ({ id, service, address: `10.0.0.${(++instances % 250) + 1}:80`, ...extra }),
    listen(on, name = service) {
      const told: string[][] = []
      let last: readonly Instance[] | undefined
      const stop = on.watch(name, {
        update(all) {
          last = [...all]
          told.push(all.map(({ id }) => id))
        },
        error: () => {},
      })
      return {
        told,
        stop,
        get last() {
          return last ?? []
        },
        shows: (...ids) =>
          eventually(
            () => last !== undefined && JSON.stringify(told.at(-1)) === JSON.stringify(ids),
            () => `[${ids}] of "${name}", but was told ${JSON.stringify(told)}`,
          ),
      }
    },
  }
}

/** Fails unless the promise rejects with this code. */
export async function rejects(code: RpcError['code'], promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof RpcError, `rejected with something else than an RpcError: ${error}`)
    assert.equal(error.code, code, error.message)
    return true
  })
}
