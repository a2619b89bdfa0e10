import { execFile } from 'node:child_process'
import { copyFileSync, cpSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { root } from '../repo/source.ts'

const run = promisify(execFile)

/** A build of its own: what is tested is what stands in src/ now, and no other build gets in the way. */
export interface Build extends Disposable {
  /** The package's folder, with `dist` and `examples` in it. */
  readonly directory: string
  /** The `beckon` command. */
  readonly command: string
}

/** Builds the package, examples included, in a folder from which its dependencies are found. */
export async function build(): Promise<Build> {
  const directory = mkdtempSync(join(root, 'node_modules', '.beckon-'))
  copyFileSync(join(root, 'package.json'), join(directory, 'package.json'))
  cpSync(join(root, 'examples'), join(directory, 'examples'), { recursive: true })
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const dist = join(directory, 'dist')
  const compile = (project: string, out: string): Promise<unknown> =>
    run(process.execPath, [compiler, '-p', join(root, project), '--outDir', out, '--noCheck']).catch((error) => {
      throw new Error(`${project} does not compile:\n${error.stdout}`)
    })
  await compile('tsconfig.json', dist)
  await compile('tsconfig.examples.json', join(dist, 'examples'))
  return {
    directory,
    command: join(dist, 'cli/main.js'),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  }
}
