import { createHmac } from 'node:crypto'
import { parseArgs } from 'node:util'
import { createServer, type Middleware, RpcError } from 'beckon'
import { flags } from 'beckon/flags'
import { logging } from 'beckon/middleware/logging'
import { pino } from 'pino'
import { User } from '../gen/user_pb.ts'
import '../plain-errors.ts'

// go-micro's flags first, then what is left: the program's own.
const { registry, server: settings, rest } = flags({ registryDefaults: 'layout=go-kit&prefix=svc.user.agent/&ttl=5s' })
const { values: own } = parseArgs({ args: [...rest], options: { address: { type: 'string', short: 'g', default: '127.0.0.1:8881' } } })

/** At most so many calls a second, one at a time, as go-kit's `rate.NewLimiter(10, 1)`. */
function limited(perSecond: number): Middleware {
  let next = 0
  return (call) => async (request, context) => {
    const now = performance.now()
    if (now < next) throw new RpcError('resource_exhausted', `more than ${perSecond} calls a second`)
    next = now + 1000 / perSecond
    return call(request, context)
  }
}

const server = createServer({
  name: 'svc.user.agent',
  registry,
  address: own.address,
  ...settings,
  middleware: [logging({ logger: pino() }), limited(10)],
})

server.handle(User, {
  rpcUserLogin({ Account, Password }) {
    if (Account !== 'aoho' || Password !== '123456') throw new RpcError('unauthenticated', `wrong account or password: ${Account}`)
    return { Token: token({ Name: Account, sub: 'login', iss: 'beckon' }) }
  },
})

/** A JWT for 30 seconds, signed with HS256; a program of yours would take the key from its configuration and a library for this. */
function token(claims: object): string {
  const now = Math.floor(Date.now() / 1000)
  const part = (one: object): string => Buffer.from(JSON.stringify(one)).toString('base64url')
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ ...claims, iat: now, exp: now + 30 })}`
  return `${text}.${createHmac('sha256', 'the key of this example').update(text).digest('base64url')}`
}

await server.start()
console.log(`run ${server.address}`)
