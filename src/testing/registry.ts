import type { Registry } from '../registry.ts'
import { bounded, type Case } from './case.ts'
import { makeBench, type Run } from './registry-bench.ts'
import { resolverCases } from './registry-reading.ts'
import { endingCases, registrarCases } from './registry-writing.ts'

/** What {@link registrySuite} tests. */
export interface RegistrySuiteOptions {
  /** Makes a registry for one case, which closes it. */
  create(): Promise<Registry>
  /** Makes another registry on the same store, as another process would, where there is such a thing. */
  another?(): Promise<Registry>
  /** How long a change may take until it is seen, in milliseconds, and a case three times that. Default 20 000. */
  readonly patience?: number | undefined
}

/** What every registry has to keep to. Names of services are fresh for each case, so the store may be in use. */
export function registrySuite(options: RegistrySuiteOptions): readonly Case[] {
  const { patience = 20_000 } = options

  const run: Run = (name, body) => ({
    name,
    async run() {
      const registry = await options.create()
      const other = (await options.another?.()) ?? registry
      try {
        await body(makeBench(registry, other, patience))
      } finally {
        await registry.close()
        await other.close()
      }
    },
  })

  return [...resolverCases(run), ...registrarCases(run), ...endingCases(run)].map((one) => bounded(one, 3 * patience))
}
