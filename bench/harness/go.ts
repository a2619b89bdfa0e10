import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The program that is every Go peer, or why it is not there. */
export type GoProgram = { readonly path: string } | { readonly absent: string }

let built: GoProgram | undefined

/** Builds bench/go into the user's cache; Go itself knows what has to be built anew. */
export function goProgram(): GoProgram {
  built ??= build()
  return built
}

function build(): GoProgram {
  const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'beckon/bench')
  const path = join(folder, 'go-peers')
  mkdirSync(folder, { recursive: true })
  const cwd = fileURLToPath(new URL('../go', import.meta.url))
  const { error, status, stderr } = spawnSync('go', ['build', '-o', path, '.'], { cwd, encoding: 'utf8' })
  if (error !== undefined) return { absent: 'Go is not installed (https://go.dev/doc/install)' }
  if (status !== 0) return { absent: `bench/go does not build: ${stderr}` }
  return { path }
}

/** Go's version, and those of the modules that its peers are made of, by name. */
export function goVersions(): Readonly<Record<string, string>> {
  const program = goProgram()
  if ('absent' in program) return {}
  const { stdout } = spawnSync('go', ['version', '-m', program.path], { encoding: 'utf8' })
  const [, go = ''] = /: go(\S+)/.exec(stdout) ?? []
  const modules = [...stdout.matchAll(/^\tdep\t(\S+)\tv(\S+)/gm)].map(([, name = '', version = '']) => [name, version] as const)
  const direct = ['google.golang.org/grpc', 'google.golang.org/protobuf', 'github.com/go-kit/kit']
  return { Go: go, ...Object.fromEntries(modules.filter(([name]) => direct.includes(name))) }
}
