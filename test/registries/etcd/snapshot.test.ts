import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createSnapshot } from '../../../src/registries/etcd/snapshot.ts'
import { manualClock } from '../../../src/testing/clock.ts'
import { recordLog } from './bench.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'beckon-snapshot-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const sets = (text: string) => () => ({ at: 1, revision: 1, records: [['/k', text]] as const })

it('a file that two registries of a process write at once is whole, and neither fails', async () => {
  const file = join(directory, 'sets')
  const { lines, logger } = recordLog()
  const both = [createSnapshot(file, manualClock(), logger), createSnapshot(file, manualClock(), logger)]
  for (const one of both) one.keep('/a', sets('x'.repeat(5_000_000)))
  await Promise.all(both.map((one) => one.flush()))
  expect(lines).toEqual([])
  expect(JSON.parse(readFileSync(file, 'utf8')).prefixes['/a'].records[0][1]).toHaveLength(5_000_000)
})

it('what is being written when a registry is closed has been written when it is', async () => {
  const file = join(directory, 'sets')
  const clock = manualClock()
  const { lines, logger } = recordLog()
  const snapshot = createSnapshot(file, clock, logger)
  snapshot.keep('/a', sets('x'.repeat(5_000_000)))
  await clock.advance(1000)
  await snapshot.flush()
  expect(JSON.parse(readFileSync(file, 'utf8')).prefixes['/a'].records[0][1]).toHaveLength(5_000_000)
  expect(lines).toEqual([])
})
