import { RpcError } from '../error.ts'

/** One token for all calls and streams of a client, renewed once for all. */
export interface Auth {
  /** Whether there are credentials. */
  readonly required: boolean
  /** The token to send; undefined without credentials, or where etcd has authentication off. */
  token(): Promise<string | undefined>
  /** Forgets `token` if `error` says that etcd does not know it (any more); true when the call is worth repeating. */
  expired(error: RpcError, token: string | undefined): boolean
}

/**
 * etcd's user/password authentication. `authenticate` asks etcd for a token. A simple token lives in etcd's memory:
 * every restart, and every change of users or roles, makes it void.
 */
export function createAuth(username: string | undefined, authenticate: () => Promise<string>): Auth {
  let current: Promise<string | undefined> | undefined
  let known: string | undefined
  let asking = false

  async function obtain(): Promise<string | undefined> {
    asking = true
    try {
      known = await authenticate()
      return known
    } catch (thrown) {
      current = undefined
      known = undefined
      const error = RpcError.from(thrown)
      if (error.rawMessage.includes('authentication is not enabled')) {
        current = Promise.resolve(undefined)
        return undefined
      }
      if (!error.rawMessage.includes('authentication failed')) throw error
      throw new RpcError('unauthenticated', `user ${JSON.stringify(username)}: ${error.rawMessage}`, { cause: error, outbound: true })
    } finally {
      asking = false
    }
  }

  return {
    required: username !== undefined,
    token() {
      if (username === undefined) return Promise.resolve(undefined)
      current ??= obtain()
      return current
    },
    expired(error, token) {
      if (username === undefined || !isExpired(error)) return false
      // What is being asked for is newer than any token that was sent.
      if (token === known && !asking) {
        current = undefined
        known = undefined
      }
      return true
    },
  }
}

/** The words are etcd's (api/v3rpc/rpctypes/error.go); the code alone does not do: some of them come as `invalid_argument`. */
function isExpired({ code, rawMessage }: RpcError): boolean {
  return code === 'unauthenticated' || /invalid auth token|user name is empty|revision of auth store is old/.test(rawMessage)
}
