// Installs the real servers that tests talk to, where the system's package manager can: etcd, or those that are named. It never fails: what is
// missing is skipped by the tests that need it, which say so at the end of the run.
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { onPath } from '../src/cli/demo/path.ts'

interface RealServer {
  readonly name: string
  readonly programs: readonly string[]
  /** Packages by Debian's name, and the units that they bring. */
  readonly apt: readonly string[]
  readonly units: readonly string[]
  readonly brew: readonly string[]
}

const servers: readonly RealServer[] = [
  { name: 'etcd', programs: ['etcd', 'etcdctl'], apt: ['etcd-server', 'etcd-client'], units: ['etcd.service'], brew: ['etcd'] },
  { name: 'nginx', programs: ['nginx'], apt: ['nginx-light'], units: ['nginx.service'], brew: ['nginx'] },
  { name: 'haproxy', programs: ['haproxy'], apt: ['haproxy'], units: ['haproxy.service'], brew: ['haproxy'] },
  { name: 'nghttpx', programs: ['nghttpx'], apt: ['nghttp2-proxy'], units: ['nghttpx.service'], brew: ['nghttp2'] },
]

const [, , ...names] = process.argv
const wanted = names.length > 0 ? names : ['etcd']
for (const server of servers) if (wanted.includes(server.name) && missing(server).length > 0) install(server)

function install(server: RealServer): void {
  const by = aptGet(server) ?? brew(server)
  const still = missing(server)
  if (still.length === 0) {
    console.log(`${server.name}: installed by ${by}`)
    return
  }
  console.log(
    `${server.name}: ${still.join(' and ')} not found${by ? `, ${by} could not install it` : ''}; tests that need it are skipped.`,
  )
  console.log(`  To have it: sudo apt-get install ${server.apt.join(' ')}  |  brew install ${server.brew.join(' ')}`)
}

/** Debian and Ubuntu, as root or with a sudo that does not ask. Undefined where that is not so. */
function aptGet({ name, apt, units }: RealServer): string | undefined {
  if (!onPath('apt-get')) return undefined
  const root = process.getuid?.() === 0
  if (!root && !(onPath('sudo') && run(['sudo', '-n', 'true']))) return undefined
  const as = (...command: readonly string[]): boolean => run(root ? command : ['sudo', '-n', ...command])
  console.log(`${name}: installing ${apt.join(', ')} …`)
  withoutAutostart(root, () => {
    const command = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...apt]
    if (!as(...command)) as('apt-get', 'update', '-qq') && as(...command)
  })
  // The tests start their own on free ports; the distribution's must not come up at the next boot either.
  if (onPath('systemctl')) as('systemctl', 'disable', '--now', '--quiet', ...units)
  return 'apt-get'
}

/** Debian starts a service when it installs it, unless this file forbids it (invoke-rc.d's policy layer). */
function withoutAutostart(root: boolean, body: () => void): void {
  const policy = '/usr/sbin/policy-rc.d'
  const forbid = '#!/bin/sh\nexit 101\n'
  if (existsSync(policy)) {
    body()
    return
  }
  try {
    if (root) writeFileSync(policy, forbid, { mode: 0o755 })
    else run(['sudo', '-n', 'sh', '-c', `printf '${forbid.replaceAll('\n', '\\n')}' > ${policy} && chmod 755 ${policy}`])
    body()
  } finally {
    if (root) rmSync(policy, { force: true })
    else run(['sudo', '-n', 'rm', '-f', policy])
  }
}

function brew({ name, brew: formulae }: RealServer): string | undefined {
  if (!onPath('brew')) return undefined
  console.log(`${name}: installing ${formulae.join(', ')} …`)
  run(['brew', 'install', '--quiet', ...formulae])
  return 'brew'
}

function missing({ programs }: RealServer): readonly string[] {
  return programs.filter((program) => onPath(program) === undefined)
}

function run([program = '', ...args]: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore', timeout: 180_000 }).status === 0
}
