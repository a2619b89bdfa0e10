import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type DevRegistry, startRegistry } from '../../src/dev/index.ts'
import { requireEtcd } from '../support/etcd.ts'
import { type Etcdctl, etcdctl } from './etcdctl.ts'

describe('etcdctl, against the embedded registry', () => {
  let registry: DevRegistry
  let ctl: Etcdctl

  beforeAll(async () => {
    registry = await startRegistry()
    ctl = etcdctl(registry.address)
  })
  afterAll(() => registry.close())
  beforeEach(async (context) => {
    requireEtcd(context)
    await ctl('del', '', '--prefix')
  })

  it('puts and gets: by prefix, with a limit, sorted, at a revision, keys or counts only', async () => {
    expect(await ctl('put', 'svc/b', '1')).toBe('OK')
    const first = String(registry.revision)
    await ctl('put', 'svc/a', '2')
    await ctl('put', 'svc/b', '0')
    await ctl('put', 'svd', 'other')
    expect(await ctl('get', 'svc/b')).toBe('svc/b\n0')
    expect(await ctl('get', 'svc/', '--prefix')).toBe('svc/a\n2\nsvc/b\n0')
    expect(await ctl('get', 'svc/', '--prefix', '--limit=1')).toBe('svc/a\n2')
    expect(await ctl('get', 'svc/', '--prefix', '--order=DESCEND', '--sort-by=VALUE', '--keys-only')).toBe('svc/a\n\nsvc/b')
    expect(await ctl('get', 'svc/', '--prefix', `--rev=${first}`)).toBe('svc/b\n1')
    expect(await ctl('get', 'svc/b', '--from-key', '--print-value-only')).toBe('0\nother')
    expect(await ctl('get', 'svc/', '--prefix', '--limit=1', '--write-out=fields')).toContain('"Count" : 2')
    expect(await ctl('put', 'svc/b', '9', '--prev-kv')).toBe('OK\nsvc/b\n0')
  })

  it('deletes: one key, a range, a prefix, and shows what was there', async () => {
    for (const key of ['a', 'b', 'c', 'd']) await ctl('put', key, `${key}!`)
    expect(await ctl('del', 'a', '--prev-kv')).toBe('1\na\na!')
    expect(await ctl('del', 'b', 'd')).toBe('2')
    expect(await ctl('del', 'nothing')).toBe('0')
    expect(await ctl('get', '', '--prefix', '--keys-only')).toBe('d')
  })

  it('watches: what comes, what was, and what was there before', async () => {
    await ctl('put', 'w/a', '1')
    const first = registry.revision
    await ctl('put', 'w/a', '2')
    const live = ctl.start('watch', 'w/', '--prefix')
    const past = ctl.start('watch', 'w/', '--prefix', '--prev-kv', `--rev=${first}`)
    await expect.poll(() => past.output, { timeout: 10_000 }).toBe('PUT\nw/a\n1\nPUT\nw/a\n1\nw/a\n2\n')
    // etcdctl says nothing when the watch stands, so its first event may be any of these.
    await expect.poll(async () => (await ctl('put', 'w/b', 'x')) && live.output.length > 0, { timeout: 10_000 }).toBe(true)
    await ctl('del', 'w/a')
    await expect.poll(() => live.output, { timeout: 10_000 }).toMatch(/^(PUT\nw\/b\nx\n)+DELETE\nw\/a\n\n$/)
    await expect.poll(() => past.output, { timeout: 10_000 }).toMatch(/DELETE\nw\/a\n2\nw\/a\n\n$/)
    await Promise.all([live.stop(), past.stop()])
  })

  it('grants, lists, keeps alive and revokes leases', async () => {
    const granted = await ctl('lease', 'grant', '60')
    const [, id = ''] = /^lease ([0-9a-f]+) granted with TTL\(60s\)$/.exec(granted) ?? []
    await ctl('put', 'leased', 'x', `--lease=${id}`)
    expect(await ctl('lease', 'list')).toBe(`found 1 leases\n${id}`)
    expect(await ctl('lease', 'timetolive', id, '--keys')).toMatch(
      /granted with TTL\(60s\), remaining\((60|5\d)s\), attached keys\(\[leased\]\)$/,
    )
    expect(await ctl('lease', 'keep-alive', '--once', id)).toBe(`lease ${id} keepalived with TTL(60)`)
    expect(await ctl('lease', 'revoke', id)).toBe(`lease ${id} revoked`)
    expect(await ctl('get', 'leased')).toBe('')
    expect(await ctl('lease', 'timetolive', id)).toBe(`lease ${id} already expired`)
    await expect(ctl('put', 'x', 'y', '--lease=1234')).rejects.toThrow('etcdserver: requested lease not found')
  })

  it('sees a lease through while it is kept alive, and its key go when it is not', async () => {
    const [, id = ''] = /^lease ([0-9a-f]+)/.exec(await ctl('lease', 'grant', '1')) ?? []
    await ctl('put', 'short', 'x', `--lease=${id}`)
    const keeping = ctl.start('lease', 'keep-alive', id)
    await expect.poll(() => keeping.output.split('\n').length, { timeout: 10_000 }).toBeGreaterThan(4)
    expect(await ctl('get', 'short')).toBe('short\nx')
    await keeping.stop()
    await expect.poll(() => ctl('get', 'short'), { timeout: 10_000 }).toBe('')
  })

  it('runs a transaction', async () => {
    await ctl('put', 't', 'before')
    const script = 'value("t") = "before"\nversion("u") = "0"\n\nput t after\nget t\n\nput t never\n\n'
    expect(await ctl.feed(script, 'txn')).toBe('SUCCESS\n\nOK\n\nt\nafter')
  })

  it('compacts, and is told so after', async () => {
    await ctl('put', 'c', '1')
    await ctl('put', 'c', '2')
    const { revision } = registry
    expect(await ctl('compact', String(revision))).toBe(`compacted revision ${revision}`)
    await expect(ctl('get', 'c', `--rev=${revision - 1}`)).rejects.toThrow('etcdserver: mvcc: required revision has been compacted')
    await expect(ctl('get', 'c', `--rev=${revision + 1}`)).rejects.toThrow('etcdserver: mvcc: required revision is a future revision')
    await expect(ctl('watch', 'c', `--rev=${revision - 1}`)).rejects.toThrow(`required revision has been compacted`)
  })

  it('finds a healthy cluster of one, without users', async () => {
    expect(await ctl('endpoint', 'status')).toMatch(/^127\.0\.0\.1:\d+, 8e9e05c52164694d, 3\.4\.0\+beckon, .*true, false/)
    await ctl('endpoint', 'health')
    expect(await ctl('member', 'list')).toBe(`8e9e05c52164694d, started, beckon, , http://${registry.address}, false`)
    expect(await ctl('alarm', 'list')).toBe('')
    expect(await ctl('get', 'x', '--user=root:secret')).toBe('')
  })
})
