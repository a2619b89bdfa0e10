import { describe, expect, it } from 'vitest'
import { RpcError } from '../../src/error.ts'
import { createAuth } from '../../src/etcd/auth.ts'
import { failure } from '../support/context.ts'

const expired = new RpcError('unauthenticated', 'etcdserver: invalid auth token')

describe('auth', () => {
  it('sends no token without credentials', async () => {
    const auth = createAuth(undefined, () => Promise.reject(new Error('not asked')))
    expect(auth.required).toBe(false)
    expect(await auth.token()).toBeUndefined()
    expect(auth.expired(expired, undefined)).toBe(false)
  })

  it('asks once for all calls', async () => {
    let asked = 0
    const auth = createAuth('u', async () => `t${++asked}`)
    expect(await Promise.all([auth.token(), auth.token(), auth.token()])).toEqual(['t1', 't1', 't1'])
  })

  it('renews once for all calls that failed with the same token', async () => {
    let asked = 0
    const auth = createAuth('u', async () => `t${++asked}`)
    const token = await auth.token()
    expect(auth.expired(expired, token)).toBe(true)
    expect(await auth.token()).toBe('t2')
    expect(auth.expired(expired, token)).toBe(true)
    expect(await auth.token()).toBe('t2')
  })

  it.each(['etcdserver: user name is empty', 'etcdserver: revision of auth store is old'])('renews on "%s"', async (text) => {
    const auth = createAuth('u', async () => 't')
    expect(auth.expired(new RpcError('invalid_argument', text), await auth.token())).toBe(true)
  })

  it('does not take a refusal for an expiry', async () => {
    const auth = createAuth('u', async () => 't')
    expect(auth.expired(new RpcError('permission_denied', 'etcdserver: permission denied'), await auth.token())).toBe(false)
  })

  it('goes without where etcd has authentication off', async () => {
    const auth = createAuth('u', () => Promise.reject(new RpcError('failed_precondition', 'etcdserver: authentication is not enabled')))
    expect(await auth.token()).toBeUndefined()
    expect(await auth.token()).toBeUndefined()
  })

  it('renews a token that was asked for twice at once, whichever answer came last', async () => {
    const answers: ((token: string) => void)[] = []
    let enabled = false
    const auth = createAuth('u', () => {
      if (enabled) return new Promise((resolve) => answers.push(resolve))
      return Promise.reject(new RpcError('failed_precondition', 'etcdserver: authentication is not enabled'))
    })
    await auth.token()
    enabled = true
    const refused = new RpcError('invalid_argument', 'etcdserver: user name is empty')
    auth.expired(refused, undefined)
    const first = auth.token()
    auth.expired(refused, undefined)
    const second = auth.token()
    for (const [i, answer] of [...answers.entries()].reverse()) {
      answer(`t${i}`)
      await new Promise(setImmediate)
    }
    await Promise.all([first, second])
    auth.expired(new RpcError('unauthenticated', 'etcdserver: invalid auth token'), await auth.token())
    const asked = answers.length
    void auth.token()
    expect(answers.length).toBe(asked + 1)
  })

  it('tells a wrong password by the user, and asks again next time', async () => {
    let asked = 0
    const auth = createAuth('u', () => {
      asked += 1
      return Promise.reject(new RpcError('invalid_argument', 'etcdserver: authentication failed, invalid user ID or password'))
    })
    const error = await failure(auth.token())
    expect(error.code).toBe('unauthenticated')
    expect(error.message).toContain('user "u": etcdserver: authentication failed')
    await failure(auth.token())
    expect(asked).toBe(2)
  })
})
