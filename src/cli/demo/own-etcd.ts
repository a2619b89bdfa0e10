import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sleep, systemClock } from '../../clock.ts'
import { etcdClient } from '../../etcd/index.ts'

/** An etcd that runs for this process alone. */
export interface OwnEtcd {
  /** `host:port` */
  readonly address: string
  readonly version: string
  /** Ends it and removes its data. */
  close(): Promise<void>
}

const keeper = fileURLToPath(new URL('./keeper.js', import.meta.url))

/** Starts etcd on free ports of this machine with an empty temporary directory. Rejects when it does not come up within ten seconds. */
export async function startOwnEtcd(program: string): Promise<OwnEtcd> {
  const [port, peerPort] = await Promise.all([freePort(), freePort()])
  const directory = mkdtempSync(join(tmpdir(), 'beckon-demo-'))
  const url = `http://127.0.0.1:${port}`
  const peer = `http://127.0.0.1:${peerPort}`
  const args = ['--name', 'demo', '--data-dir', directory, '--listen-client-urls', url, '--advertise-client-urls', url]
  const cluster = ['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `demo=${peer}`]
  // Variables of another etcd on this machine would win over nothing here, but would add to it.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('ETCD_')))
  const child = spawn(process.execPath, [keeper, directory, program, ...args, ...cluster], {
    detached: true,
    env,
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  const gone = new AbortController()
  const exited = once(child, 'exit').then(() => gone.abort())
  const close = async (): Promise<void> => {
    if (child.connected) child.disconnect()
    await exited
  }
  const version = await versionOf(`127.0.0.1:${port}`, gone.signal)
  if (version !== undefined) return { address: `127.0.0.1:${port}`, version, close }
  await close()
  throw new Error('it did not come up')
}

async function versionOf(address: string, gone: AbortSignal): Promise<string | undefined> {
  const client = etcdClient({ endpoints: [address], timeout: 1000 })
  const end = performance.now() + 10_000
  try {
    while (performance.now() < end && !gone.aborted) {
      const status = await client.status().catch(() => undefined)
      if (status !== undefined && status.leader !== 0n) return status.version
      await sleep(systemClock, 20, { keepAlive: true })
    }
    return undefined
  } finally {
    await client.close()
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}
