import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { peer, run, start } from './process.ts'
import { program } from './programs.ts'
import type { Outcome, Suite } from './suite.ts'

/** HTTP/2's and HPACK's rules against our server, the ones it calls strict included. A case it skips counts as failed. https://github.com/summerwind/h2spec */
export function h2spec(tls: boolean): Suite {
  const name = `h2spec ${tls ? 'over TLS' : 'in plain text'}`
  return {
    name,
    async run({ folder, files }) {
      const h2spec = program('h2spec')
      const [node, ...args] = peer('h2spec-server')
      const server = await start(node, tls ? [...args, files.cert, files.key] : args)
      try {
        const report = join(folder, `${name}.xml`)
        const port = server.first.slice(server.first.lastIndexOf(':') + 1)
        const { output } = await run(
          h2spec,
          ['--strict', '-h', '127.0.0.1', '-p', port, '-j', report, ...(tls ? ['-t', '-k'] : [])],
          120_000,
        )
        return outcome(readFileSync(report, 'utf8'), output)
      } finally {
        await server.stop()
      }
    },
  }
}

/** Reads a report in JUnit's format. */
function outcome(report: string, output: string): Outcome {
  const cases = [...report.matchAll(/<testcase package="([^"]*)" classname="([^"]*)"[^>]*?(?:\/>|>(.*?)<\/testcase>)/gs)]
  if (cases.length === 0) return { passed: 0, failures: [output] }
  const failures = cases
    .filter(([, , , body = '']) => body.trim() !== '')
    .map(([, section, what, body = '']) => `${section} ${what}: ${body.replace(/<[^>]*>/g, ' ').trim() || 'skipped'}`)
  return { passed: cases.length - failures.length, failures }
}
