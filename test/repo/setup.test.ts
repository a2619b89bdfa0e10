import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { root } from './source.ts'

const run = promisify(execFile)

describe('the set-up script', () => {
  /** All that is on its PATH. */
  let bin: string

  beforeEach(() => {
    bin = mkdtempSync(join(tmpdir(), 'beckon-setup-'))
  })
  afterEach(() => rmSync(bin, { recursive: true, force: true }))

  const program = (name: string, body = ''): void => writeFileSync(join(bin, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 })
  const setUp = async (): Promise<string> =>
    (await run(process.execPath, ['--import', 'tsx', join(root, 'scripts/setup.ts')], { cwd: root, env: { ...process.env, PATH: bin } }))
      .stdout

  it('says nothing where everything is there', async () => {
    program('etcd')
    program('etcdctl')
    expect(await setUp()).toBe('')
  })

  it('installs what is missing with the package manager there is', async () => {
    program('brew', `for p in etcd etcdctl; do printf '#!/bin/sh\\n' > ${bin}/$p; /bin/chmod +x ${bin}/$p; done`)
    expect(await setUp()).toBe('etcd: installing etcd …\netcd: installed by brew\n')
  })

  it('does not fail where it can install nothing, and says how to get what is missing', async () => {
    program('etcd')
    expect(await setUp()).toMatch(/^etcd: etcdctl not found; tests that need it are skipped\.\n.*apt-get install etcd-server etcd-client/)
  })

  it('does not fail where the package manager does', async () => {
    program('brew', 'exit 1')
    expect(await setUp()).toContain('etcd and etcdctl not found, brew could not install it')
  })
})
