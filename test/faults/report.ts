import { appendFileSync, readFileSync } from 'node:fs'
import type { Measures } from './scene.ts'

interface Row extends Measures {
  readonly fault: string
}

const file = process.env.BECKON_FAULTS_REPORT

/** Keeps how a fault went, where somebody wants to know. */
export function report({ name, suite }: { name: string; suite?: { name: string } | undefined }, measures: Measures): void {
  if (file !== undefined)
    appendFileSync(file, `${JSON.stringify({ fault: `${suite?.name ?? ''} ${name}`.trim(), ...measures } satisfies Row)}\n`)
}

/** What was kept, as a table. */
export function table(path: string): string {
  const rows = readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line): Row => JSON.parse(line))
    .sort((a, b) => (a.fault < b.fault ? -1 : 1))
  const ms = (value: number | undefined): string => (value === undefined ? '–' : String(Math.round(value)))
  return [
    '| fault | registrations back, ms | sets right, ms | most messages at etcd in a second | calls, all answered |',
    '|---|--:|--:|--:|--:|',
    ...rows.map((row) => `| ${row.fault} | ${ms(row.registration)} | ${ms(row.set)} | ${Math.round(row.requests)} | ${row.calls} |`),
  ].join('\n')
}
