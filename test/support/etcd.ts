import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { TestContext } from 'vitest'
import { onPath } from '../../src/cli/demo/path.ts'
import { type Certificates, makeCertificates } from './certificates.ts'

const run = promisify(execFile)

/** Why tests that need etcd cannot run; undefined when they can. */
export function etcdMissing(): string | undefined {
  const missing = ['etcd', 'etcdctl'].filter((program) => onPath(program) === undefined)
  return missing.length === 0 ? undefined : `${missing.join(' and ')} not found on the PATH`
}

/** Skips the test, with the reason, where there is no etcd. */
export function requireEtcd(ctx: Pick<TestContext, 'skip'>): void {
  const reason = etcdMissing()
  if (reason !== undefined) ctx.skip(reason)
}

/** Whether this process may mount a disk, which one that can be filled takes. */
export function mayMount(): boolean {
  const directory = mkdtempSync(join(tmpdir(), 'beckon-mount-'))
  try {
    mount('-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory)
    execFileSync('umount', [directory])
    return true
  } catch {
    return false
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function mount(...args: readonly string[]): void {
  execFileSync('mount', args, { stdio: 'ignore' })
}

/** Every etcd that runs. None outlives this process, however the tests in it end. */
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export interface EtcdProcessOptions {
  /** `server`: clients need not show a certificate; `mutual`: they must. */
  readonly tls?: 'server' | 'mutual'
  /** Further arguments of etcd. */
  readonly args?: readonly string[]
  /** The most bytes a file of its may have, until it is restarted `unlimited`: it dies at the write that would make one larger. */
  readonly fileLimit?: number
  /** The size of its disk in bytes, until it is restarted `unlimited`. See {@link mayMount}. */
  readonly disk?: number
}

/** A real etcd on a free port with a temporary directory. */
export interface EtcdProcess extends AsyncDisposable {
  /** `127.0.0.1:port`, the same after a restart. */
  readonly address: string
  /** Where its metrics and its health are told, by plain HTTP: `http://127.0.0.1:port`. */
  readonly metrics: string
  readonly certificates: Certificates | undefined
  readonly running: boolean
  /** Of the process that runs; undefined when none does. */
  readonly pid: number | undefined
  /** Runs etcdctl against it; resolves with what it printed. */
  etcdctl(...args: string[]): Promise<string>
  /** Ends it with a signal, SIGKILL unless told otherwise, and waits for its end. */
  kill(signal?: NodeJS.Signals): Promise<void>
  pause(): void
  resume(): void
  /** Kills it, if it runs, and starts it again, resolving when it answers. */
  restart(options?: { readonly empty?: boolean; readonly unlimited?: boolean }): Promise<void>
  /** Ends it and removes its data. */
  stop(): Promise<void>
}

interface MemberOptions extends EtcdProcessOptions {
  readonly name: string
  readonly clientPort: number
  readonly peerPort: number
  readonly metricsPort: number
  readonly initialCluster: string
  /** Certificates by whose authority its own are to be. */
  readonly like: Certificates | undefined
}

/** Starts a single node and resolves when it answers. */
export async function startEtcd(options: EtcdProcessOptions = {}): Promise<EtcdProcess> {
  const [member] = await startCluster(1, options)
  return member as EtcdProcess
}

/** Starts a cluster, all members alike or each as said, and resolves when every member answers. */
export async function startCluster(
  size = 3,
  options: EtcdProcessOptions | ((index: number) => EtcdProcessOptions) = {},
): Promise<readonly EtcdProcess[]> {
  for (let tries = 1; ; tries++) {
    const ports = await freePorts(3 * size)
    const peers = ports.slice(size, 2 * size)
    const initialCluster = peers.map((port, i) => `e${i}=http://127.0.0.1:${port}`).join(',')
    const members: EtcdProcess[] = []
    for (const [i, peerPort] of peers.entries()) {
      const own = typeof options === 'function' ? options(i) : options
      const at = { clientPort: ports[i] as number, peerPort, metricsPort: ports[2 * size + i] as number }
      members.push(makeMember({ name: `e${i}`, ...at, initialCluster, like: members[0]?.certificates, ...own }))
    }
    try {
      await Promise.all(members.map((member) => member.restart()))
      return members
    } catch (error) {
      await Promise.all(members.map((member) => member.stop()))
      // Somebody was quicker.
      if (tries === 3 || !`${error}`.includes('address already in use')) throw error
    }
  }
}

function makeMember(options: MemberOptions): EtcdProcess {
  const { name, clientPort, peerPort, tls } = options
  const directory = mkdtempSync(join(tmpdir(), 'beckon-etcd-'))
  if (options.disk !== undefined) mount('-t', 'tmpfs', '-o', `size=${options.disk}`, 'tmpfs', directory)
  const certificates = tls && makeCertificates(directory, options.like)
  const address = `127.0.0.1:${clientPort}`
  const url = `${tls ? 'https' : 'http'}://${address}`
  const metrics = tls ? `http://127.0.0.1:${options.metricsPort}` : url
  const peerUrl = `http://127.0.0.1:${peerPort}`
  // A busy machine must not make a cluster elect a leader anew; a single node may as well be quick, and take short leases.
  const beat = options.initialCluster.includes(',') ? 100 : 20
  let data = 0
  let child: ChildProcess | undefined
  /** The last of what it wrote, for when it does not come up. */
  let said = ''

  function start(unlimited: boolean): void {
    const limit = unlimited || options.fileLimit === undefined ? 'unlimited' : Math.ceil(options.fileLimit / 512)
    const secure = certificates && ['--cert-file', certificates.files.cert, '--key-file', certificates.files.key]
    const mutual = tls === 'mutual' && certificates ? ['--client-cert-auth', '--trusted-ca-file', certificates.files.ca] : []
    child = spawn(
      'sh',
      [
        ...['-c', `ulimit -f ${limit}; exec etcd "$@"`, 'etcd'],
        ...['--name', name, '--data-dir', join(directory, `data-${data}`), '--log-level', 'error'],
        ...['--listen-client-urls', url, '--advertise-client-urls', url],
        ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl, '--initial-cluster', options.initialCluster],
        ...['--heartbeat-interval', `${beat}`, '--election-timeout', `${10 * beat}`],
        ...(secure ?? []),
        ...mutual,
        ...(tls ? ['--listen-metrics-urls', metrics] : []),
        ...(options.args ?? []),
      ],
      { stdio: ['ignore', 'ignore', 'pipe'], env: { PATH: process.env.PATH } },
    )
    const started = child
    running.add(started)
    said = ''
    started.stderr?.on('data', (text) => {
      said = `${said}${text}`.slice(-2000)
    })
    started.once('exit', () => running.delete(started))
  }

  async function kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const ending = child
    child = undefined
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return
    const ended = once(ending, 'exit')
    ending.kill('SIGCONT')
    ending.kill(signal)
    await ended
  }

  async function etcdctl(...args: string[]): Promise<string> {
    const secure = certificates
      ? ['--cacert', certificates.files.ca, '--cert', certificates.files.cert, '--key', certificates.files.key]
      : []
    const { stdout } = await run('etcdctl', ['--endpoints', url, ...secure, ...args], { env: { PATH: process.env.PATH, ETCDCTL_API: '3' } })
    return stdout
  }

  function answers(): Promise<boolean> {
    return etcdctl('get', 'x', '--command-timeout', '2s').then(
      () => true,
      (error: Error) => /user name is empty|permission denied|invalid auth/.test(error.message),
    )
  }

  async function answering(): Promise<void> {
    // Not by the date, which tests move.
    const until = performance.now() + 20_000
    for (;;) {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null)
        throw new Error(`etcd at ${address} ended with ${child?.exitCode ?? child?.signalCode}: ${said}`)
      if ((await listens(clientPort)) && (await answers())) return
      if (performance.now() > until) throw new Error(`etcd at ${address} did not answer within 20 s: ${said}`)
      await delay(20)
    }
  }

  async function stop(): Promise<void> {
    await kill()
    if (options.disk !== undefined) execFileSync('umount', [directory])
    rmSync(directory, { recursive: true, force: true })
  }

  return {
    address,
    metrics,
    certificates,
    get pid() {
      return child?.pid
    },
    get running() {
      return child !== undefined && child.exitCode === null && child.signalCode === null
    },
    etcdctl,
    kill,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    async restart({ empty = false, unlimited = false } = {}) {
      await kill()
      if (empty) data += 1
      if (unlimited && options.disk !== undefined) mount('-o', 'remount,size=1g', directory)
      start(unlimited)
      await answering()
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** Turns authentication on: `root` and the users given, each allowed to do what the role says with the keys under a prefix. */
export async function enableAuth(etcd: EtcdProcess, users: readonly { name: string; password: string; prefix?: string }[]): Promise<void> {
  await etcd.etcdctl('user', 'add', 'root:root')
  for (const { name, password, prefix } of users) {
    await etcd.etcdctl('user', 'add', `${name}:${password}`)
    await etcd.etcdctl('role', 'add', name)
    await etcd.etcdctl('user', 'grant-role', name, name)
    if (prefix !== undefined) await etcd.etcdctl('role', 'grant-permission', name, '--prefix=true', 'readwrite', prefix)
  }
  await etcd.etcdctl('auth', 'enable')
}

/**
 * Ports that nothing listens on now, nor will of these tests until this process ends, whichever suites run beside it. Not of those that systems give to
 * outgoing connections: such a port could be taken by one while its server is down.
 */
export async function freePorts<const N extends number>(count: N): Promise<N extends 2 ? [number, number] : number[]> {
  const ports: number[] = []
  while (ports.length < count) {
    const port = 10_000 + Math.floor(Math.random() * 20_000)
    if (claim(port) && (await isFree(port))) ports.push(port)
  }
  return ports as N extends 2 ? [number, number] : number[]
}

/** A file for each port, with the process that has it. Of processes that have ended they stay, and are taken over. */
const claims = join(tmpdir(), 'beckon-ports')

/** Two servers that try one port at a time: the second would end, and who waits for it be answered by the first. */
function claim(port: number): boolean {
  const file = join(claims, `${port}`)
  mkdirSync(claims, { recursive: true })
  try {
    writeFileSync(file, `${process.pid}`, { flag: 'wx' })
    return true
  } catch (error) {
    // Who may not write there does without.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return true
    if (isAlive(file)) return false
    rmSync(file, { force: true })
    return claim(port)
  }
}

/** Whether the process that has claimed something is there. */
function isAlive(file: string): boolean {
  try {
    process.kill(Number(readFileSync(file, 'utf8')) || process.pid, 0)
    return true
  } catch {
    return false
  }
}

/** Asked before etcdctl is, which waits for a second before it tries a second time. */
async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}
