import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Go commands that are peers here, each at a version of its own. */
const programs = {
  h2spec: { module: 'github.com/summerwind/h2spec', command: 'cmd/h2spec', version: 'v2.2.1+incompatible' },
  connectconformance: { module: 'connectrpc.com/conformance', command: 'cmd/connectconformance', version: 'v1.0.5' },
  client: { module: 'google.golang.org/grpc', command: 'interop/client', version: 'v1.76.0' },
  server: { module: 'google.golang.org/grpc', command: 'interop/server', version: 'v1.76.0' },
} as const

/** Name of one of the Go commands. */
export type Program = keyof typeof programs

const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'beckon', 'interop')

/** Where a command lies; it is built first if it is not there. Throws saying what is missing. */
export function program(name: Program): string {
  const { module, command, version } = programs[name]
  const folder = join(cache, `${name}-${version}`)
  const file = join(folder, name)
  if (existsSync(file)) return file
  mkdirSync(folder, { recursive: true })
  console.log(`building ${module} ${version}`)
  const { error, status } = spawnSync('go', ['install', `${module}/${command}@${version}`], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, GOBIN: folder },
  })
  if (error !== undefined)
    throw new Error(`Go is needed to build the peers and was not found (${error.message}): https://go.dev/doc/install`)
  if (status !== 0) throw new Error(`${module}@${version} could not be built`)
  return file
}

/** The folder of the module that a command is from, with its sources. */
export function sources(name: Program): string {
  const { module, version } = programs[name]
  const { stdout, status } = spawnSync('go', ['mod', 'download', '-json', `${module}@${version}`], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${module}@${version} could not be downloaded: ${stdout}`)
  return (JSON.parse(stdout) as { Dir: string }).Dir
}
