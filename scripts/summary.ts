import type { Reporter, TestModule } from 'vitest/node'

/** What a run came to. */
export interface Tally {
  readonly passed: number
  readonly failed: number
  /** Reasons of skipped tests, and how many gave each. */
  readonly skipped: ReadonlyMap<string, number>
}

/** A test as far as counting it goes. */
export interface Counted {
  readonly state: 'passed' | 'failed' | 'skipped' | 'pending'
  readonly reason?: string | undefined
}

/** Counts tests. `broken` counts what failed outside of any test: files that do not load, errors nobody caught. */
export function tally(tests: Iterable<Counted>, broken = 0): Tally {
  let passed = 0
  let failed = broken
  const skipped = new Map<string, number>()
  for (const { state, reason = 'no reason given' } of tests) {
    if (state === 'passed') passed++
    else if (state === 'skipped') skipped.set(reason, (skipped.get(reason) ?? 0) + 1)
    else failed++
  }
  return { passed, failed, skipped }
}

/** The last lines of a run: what was skipped and why, then `N passed, N failed[, N skipped]` on a line of its own. */
export function lines({ passed, failed, skipped }: Tally): readonly string[] {
  const reasons = [...skipped].map(([reason, count]) => `skipped ${count}: ${reason}`)
  const total = [...skipped.values()].reduce((sum, count) => sum + count, 0)
  return [...reasons, `${passed} passed, ${failed} failed${total === 0 ? '' : `, ${total} skipped`}`]
}

/** Whether a skipped test fails the run: on a machine that is set up, nothing has a reason to be skipped. */
export function strict(env: Readonly<Record<string, string | undefined>>): boolean {
  const set = (value: string | undefined) => value !== undefined && value !== '' && value !== '0' && value !== 'false'
  return set(env.BECKON_REQUIRE_SERVERS) || set(env.CI)
}

function* counted(modules: readonly TestModule[]): Generator<Counted> {
  for (const module of modules)
    for (const test of module.children.allTests()) {
      const result = test.result()
      yield { state: result.state, reason: result.state === 'skipped' ? result.note : undefined }
    }
}

/** Prints {@link lines} as the very last thing of a run, and fails one that is {@link strict} and skipped something. */
export default class Summary implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], uncaught: readonly unknown[]): void {
    const result = tally(counted(modules), uncaught.length + modules.filter((module) => module.errors().length > 0).length)
    process.once('exit', () => {
      if (result.failed > 0) process.exitCode = 1
      if (strict(process.env) && result.skipped.size > 0) {
        process.exitCode = 1
        process.stdout.write('nothing may be skipped in this run (CI or BECKON_REQUIRE_SERVERS is set)\n')
      }
      process.stdout.write(`${lines(result).join('\n')}\n`)
    })
  }
}
