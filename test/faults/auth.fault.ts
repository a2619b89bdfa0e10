import { once } from 'node:events'
import { connect } from 'node:tls'
import { expect } from 'vitest'
import { renewCertificate } from '../support/certificates.ts'
import { until } from '../support/echo.ts'
import { enableAuth } from '../support/etcd.ts'
import { received } from './meter.ts'
import { broken, pause } from './outages.ts'
import { fault, onBoth, patience, type SceneOptions, setOf, ttl } from './scene.ts'

const root = { username: 'root', password: 'root' }

/** etcd with a user `app` who may do anything under the registry's prefix, and `other` who may not. */
function guarded(size: 1 | 3, password: { now: string }, args: readonly string[] = []): SceneOptions {
  return {
    size,
    made: { args },
    prepare: (etcd) =>
      enableAuth(etcd, [
        { name: 'app', password: password.now, prefix: '/micro/' },
        { name: 'other', password: 'other', prefix: '/else/' },
      ]),
    reach: () => ({ username: 'app', password: () => password.now }),
    admin: root,
  }
}

onBoth('authentication', (size) => {
  // A token ends when it was not used for this long.
  const short = ['--auth-token-ttl', '2']
  const etcdIsStrict = guarded(size, { now: 'secret' }, short)
  fault('token expired during watch and during lease', etcdIsStrict, async (scene) => {
    const { near, far, admin, key } = scene
    await pause(4000)
    await admin.delete({ key: key('a') })
    await pause(4000)
    near.cut()
    far.cut()
    if (scene.used.far) await scene.heard('consumer', 'stale')
    return { a: ['healing', 'registered'], consumer: setOf(scene) }
  })

  const etcdForgets = guarded(size, { now: 'secret' })
  fault('tokens forgotten by an etcd that was restarted', etcdForgets, async ({ members, heard, whole }) => {
    await Promise.all(members.map((member) => member.kill()))
    await heard('consumer', 'stale')
    await Promise.all(members.map((member) => member.restart()))
    await whole()
    return { consumer: broken }
  })

  const password = { now: 'secret' }
  fault('password rotated', guarded(size, password), async (scene) => {
    const { etcd, near, far, admin, key, whole } = scene
    await etcd.etcdctl('--user', 'root:root', 'role', 'list')
    await rotate(etcd.address, 'fresh')
    password.now = 'fresh'
    near.cut()
    far.cut()
    if (scene.used.far) await scene.heard('consumer', 'stale')
    await admin.delete({ key: key('a') })
    await scene.heard('a', 'registered')
    await whole()
    return { a: ['healing', 'registered'], consumer: setOf(scene) }
  })

  fault('user without permission on the prefix', guarded(size, { now: 'secret' }), async ({ etcd, registry }) => {
    const other = registry({ username: 'other', password: 'other' })
    const instance = { id: 'x', service: 'echo', address: '127.0.0.1:1' }
    await expect(other.register(instance)).rejects.toThrow(/^permission_denied: etcd at .*permission denied$/)
    const errors: string[] = []
    other.watch('echo', { update() {}, error: ({ message }) => errors.push(message) })
    await until('the error', () => errors.length > 0)
    expect(errors[0]).toMatch(/^permission_denied: etcd at .*permission denied$/)
    // It is not asked in a loop: what goes on is the scene's own traffic, which is a lease's keep-alives.
    const count = async (): Promise<{ messages: number; at: number }> => {
      let messages = 0
      const answered = async (): Promise<boolean> => {
        messages = await received(etcd.metrics)
        return messages > 0
      }
      await until('metrics', answered, patience)
      return { messages, at: performance.now() }
    }
    const before = await count()
    await pause(3000)
    const after = await count()
    expect(after.messages - before.messages).toBeLessThan(3 * (2 * ((after.at - before.at) / ttl) + 5))
    expect(errors).toHaveLength(1)
    return {}
  })
})

async function rotate(address: string, password: string): Promise<void> {
  const { execFile } = await import('node:child_process')
  await new Promise<void>((resolve, reject) => {
    const args = ['--endpoints', `http://${address}`, '--user', 'root:root', 'user', 'passwd', 'app', '--interactive=false']
    const child = execFile('etcdctl', args, { env: { PATH: process.env.PATH, ETCDCTL_API: '3' } }, (error) =>
      error ? reject(error) : resolve(),
    )
    child.stdin?.end(`${password}\n`)
  })
}

onBoth('TLS', (size) => {
  const secure: SceneOptions = {
    size,
    made: { tls: 'mutual' },
    reach: ({ certificates: { ca, cert, key } = {} }) => ({ tls: { ca, cert, key } }),
  }

  fault('certificate replaced', secure, async ({ etcd, near, far, whole, ...scene }) => {
    const before = await shown(etcd.address)
    renewCertificate(etcd.certificates?.files)
    near.cut()
    far.cut()
    if (scene.used.far) await scene.heard('consumer', 'stale')
    await whole()
    expect(await shown(etcd.address)).not.toBe(before)
    return { consumer: scene.used.far ? broken : [] }
  })

  if (size === 3)
    fault('certificates replaced, and members restarted, one after the other', secure, async ({ members, admin, whole }) => {
      for (const member of members) {
        const before = await shown(member.address)
        renewCertificate(member.certificates?.files)
        await member.restart()
        expect(await shown(member.address)).not.toBe(before)
        // As operators do: the next one when this one is well.
        await until('its health', async () => (await admin.status()).leader !== 0n, patience)
        await whole()
      }
      return { consumer: { atLeast: 0, atMost: 3 } }
    })
})

/** The fingerprint of the certificate that a member shows. */
async function shown(address: string): Promise<string> {
  const [host, port] = address.split(':')
  const socket = connect({ host, port: Number(port), rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const { fingerprint256 } = socket.getPeerCertificate()
  socket.destroy()
  return fingerprint256
}
