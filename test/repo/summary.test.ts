import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lines, strict, tally } from '../../scripts/summary.ts'
import { root } from './source.ts'

describe('the summary', () => {
  it('counts tests, and what breaks outside of them as failed', () => {
    const tests = [{ state: 'passed' }, { state: 'failed' }, { state: 'pending' }, { state: 'skipped', reason: 'no etcd' }] as const
    expect(tally(tests, 2)).toEqual({ passed: 1, failed: 4, skipped: new Map([['no etcd', 1]]) })
  })

  it('ends with one plain line, after the reasons for what was skipped', () => {
    expect(lines({ passed: 3, failed: 0, skipped: new Map() })).toEqual(['3 passed, 0 failed'])
    expect(lines({ passed: 3, failed: 1, skipped: new Map([['no etcd', 2]]) })).toEqual([
      'skipped 2: no etcd',
      '3 passed, 1 failed, 2 skipped',
    ])
  })

  it('is strict where CI or BECKON_REQUIRE_SERVERS is set', () => {
    expect([{}, { CI: '' }, { CI: 'false' }, { BECKON_REQUIRE_SERVERS: '0' }].map(strict)).toEqual([false, false, false, false])
    expect([{ CI: 'true' }, { CI: '1' }, { BECKON_REQUIRE_SERVERS: '1' }].map(strict)).toEqual([true, true, true])
  })
})

describe('a run', () => {
  let folder: string

  beforeEach(() => {
    folder = mkdtempSync(join(root, 'node_modules', '.beckon-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const passing = `it('passes', () => {})`
  const skipping = `it('is skipped', (context) => context.skip('no etcd here'))`

  it.each([
    ['passes', passing, {}, 0, '1 passed, 0 failed'],
    ['passes with a test skipped', `${passing}; ${skipping}`, {}, 0, 'skipped 1: no etcd here\n1 passed, 0 failed, 1 skipped'],
    ['fails with a test skipped in CI', `${passing}; ${skipping}`, { CI: 'true' }, 1, '1 passed, 0 failed, 1 skipped'],
    ['fails with a test that fails', `${passing}; it('fails', () => { throw new Error('x') })`, {}, 1, '1 passed, 1 failed'],
    ['fails with a file that does not load', `throw new Error('x')`, {}, 1, '0 passed, 1 failed'],
  ])('%s', async (_what, body, env, code, end) => {
    writeFileSync(join(folder, 'a.test.mjs'), `import { it } from 'vitest'\n${body}\n`)
    const reporters = `['default', ${JSON.stringify(join(root, 'scripts/summary.ts'))}]`
    writeFileSync(join(folder, 'vitest.config.mjs'), `export default { test: { include: ['*.test.mjs'], reporters: ${reporters} } }\n`)
    const run = await vitest(folder, env)
    expect(run.output.trimEnd().split('\n').slice(-end.split('\n').length).join('\n')).toBe(end)
    expect(run.code).toBe(code)
  })
})

async function vitest(cwd: string, env: Readonly<Record<string, string>>): Promise<{ code: number; output: string }> {
  const { CI: _ci, BECKON_REQUIRE_SERVERS: _servers, VITEST: _vitest, ...outer } = process.env
  const child = spawn(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), 'run'], { cwd, env: { ...outer, ...env } })
  let output = ''
  // Of what two pipes bring nobody knows the order: the summary is on stdout.
  child.stderr.resume()
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  return new Promise((resolve) => child.on('close', (code) => resolve({ code: code ?? -1, output })))
}
