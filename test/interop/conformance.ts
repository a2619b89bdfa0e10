import { fileURLToPath } from 'node:url'
import { peer, run } from './process.ts'
import { program } from './programs.ts'
import type { Suite } from './suite.ts'

/** gRPC's part of the conformance suite of Connect, against our client or server, in plain text and over TLS. https://github.com/connectrpc/conformance */
export function conformance(mode: 'client' | 'server'): Suite {
  return {
    name: `conformance of our ${mode}`,
    async run() {
      const config = fileURLToPath(new URL('conformance.yaml', import.meta.url))
      const args = ['--conf', config, '--mode', mode, ...(mode === 'server' ? ['-p', '16'] : []), '--', ...peer(`conformance-${mode}`)]
      const { code, output } = await run(program('connectconformance'), args, 300_000)
      const [, passed, failed] = /^(\d+) passed, (\d+) failed$/m.exec(output) ?? []
      const failures = output.split(/^(?=FAILED: )/m).filter((one) => one.startsWith('FAILED: '))
      const broken = passed === undefined || failures.length !== Number(failed) || (code !== 0 && failures.length === 0)
      return { passed: Number(passed ?? 0), failures: broken ? [output, ...failures] : failures.map((one) => one.slice(8).trim()) }
    },
  }
}
