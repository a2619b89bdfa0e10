import { afterAll, describe, expect, it } from 'vitest'
import { type EtcdClient, etcdClient } from '../../src/etcd/index.ts'
import { failure } from '../support/context.ts'

// Nothing listens there: what is wrong with an option is said before anything is sent.
const client = etcdClient({ endpoints: ['127.0.0.1:1'] })
afterAll(() => client.close())

const listener = { events() {}, compacted() {}, error() {} }
const odd = [Number.NaN, -1, 'many' as unknown as number]
const whole = [...odd, 1.5, Number.POSITIVE_INFINITY]

const options: readonly (readonly [string, readonly number[], (client: EtcdClient, value: number) => Promise<unknown>])[] = [
  ['range: revision', whole, (one, revision) => one.get('a', { revision })],
  ['timeout (ms)', odd, (one, timeout) => one.get('a', { timeout })],
  ['range: limit', whole, (one, limit) => one.range({ prefix: 'a', limit })],
  ['range: revision', whole, (one, revision) => one.range({ prefix: 'a', revision })],
  ['range: limit', whole, (one, limit) => one.pages({ prefix: 'a', limit }).next()],
  ['compact: revision', whole, (one, revision) => one.compact(revision)],
  ['txn: version', whole, (one, version) => one.txn({ compare: [{ key: 'a', version }] })],
  ['txn: createRevision', whole, (one, createRevision) => one.txn({ compare: [{ key: 'a', createRevision }] })],
  ['txn: modRevision', whole, (one, modRevision) => one.txn({ compare: [{ key: 'a', modRevision }] })],
  ['range: limit', whole, (one, limit) => one.txn({ success: [{ get: { prefix: 'a', limit } }] })],
  ['grant: ttl (ms)', [...odd, 0, 999, Number.POSITIVE_INFINITY], (one, ttl) => one.grant(ttl)],
  ['grant: heartbeat (ms)', [...odd, 0, 99, 5001, Number.POSITIVE_INFINITY], (one, heartbeat) => one.grant(5000, { heartbeat })],
  ['timeout (ms)', odd, (one, timeout) => one.grant(5000, { timeout })],
  ['watch: startRevision', whole, (one, startRevision) => one.watch({ key: 'a', listener, startRevision }).created],
  ['timeout (ms)', odd, (one, timeout) => one.watch({ key: 'a', listener, timeout }).created],
]

describe('a number that makes no sense is an error that names the option', () => {
  it.each(options)('%s', async (name, values, call) => {
    for (const value of values) {
      const { code, rawMessage } = await failure(call(client, value))
      expect([code, rawMessage.split(' must be ')[0]]).toEqual(['invalid_argument', name])
      expect(rawMessage).toMatch(/got \S+$/)
    }
  })
})
