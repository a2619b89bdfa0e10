/** Writes gen/: messages and services of the suites, from the conformance suite's own module and from proto/. `npm run generate:interop` */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sources } from './programs.ts'

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

for (const [folder, path] of [
  [join(sources('connectconformance'), 'proto'), ['client_compat', 'server_compat', 'service', 'config']],
  [here('proto'), []],
] as const) {
  const only = path.flatMap((name) => ['--path', join(folder, `connectrpc/conformance/v1/${name}.proto`)])
  const args = ['generate', folder, '--template', here('../../buf.gen.yaml'), '-o', here('.'), ...only]
  const { status } = spawnSync('buf', args, { stdio: 'inherit' })
  if (status !== 0) process.exit(1)
}
