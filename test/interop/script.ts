import { fileURLToPath } from 'node:url'
import { run } from './process.ts'
import type { Suite } from './suite.ts'

/** A suite in a file of its own, `<name>.interop.ts`, which says what failed and ends with `N passed, M failed`. */
export function script(name: string): Suite {
  return {
    name,
    async run() {
      const file = fileURLToPath(new URL(`${name}.interop.ts`, import.meta.url))
      const { output } = await run(process.execPath, ['--import', 'tsx', file], 300_000)
      const said = output.trim().split('\n')
      const [, passed, failed] = /^(\d+) passed, (\d+) failed$/.exec(said.pop() ?? '') ?? []
      if (passed === undefined) return { passed: 0, failures: [output] }
      return { passed: Number(passed), failures: Array.from({ length: Number(failed) }, (_, i) => (i === 0 ? output : 'as told above')) }
    },
  }
}
