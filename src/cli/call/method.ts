import { json } from '../../codecs/json.ts'
import type { EndpointInfo } from '../../registry.ts'
import type { Kind, Method } from '../../service.ts'
import type { MessageCodecs } from '../../transport.ts'
import { exitCodes, failure } from '../exit.ts'

/**
 * A method by its name and by what the instances of `service` say about theirs, its messages as JSON. `package.Service/Method` is taken as it
 * is; `Service.Method` becomes the path `/Service/Method`, which beckon and go-micro servers find; `Method` must be the name of only one.
 */
export function methodNamed(name: string, service: string, known: readonly EndpointInfo[]): Method {
  const exact = /^\/?([^/]+)\/([^/]+)$/.exec(name)
  if (exact !== null) return methodOf(exact[1] as string, exact[2] as string, known)
  const full = name.includes('.') ? name : onlyOne(name, service, known)
  if (known.length > 0 && !known.some((one) => one.name === shortName(full)))
    throw failure(exitCodes.notFound, `not_found: "${service}" has no method ${name}; it has ${list(known)}`)
  const dot = full.lastIndexOf('.')
  return methodOf(full.slice(0, dot), full.slice(dot + 1), known)
}

function onlyOne(name: string, service: string, known: readonly EndpointInfo[]): string {
  const found = known.filter((one) => one.name.endsWith(`.${name}`))
  if (found.length === 1 && found[0] !== undefined) return found[0].name
  if (found.length > 1) throw failure(exitCodes.usage, `"${service}" has more than one ${name}: ${list(found)}`)
  if (known.length > 0) throw failure(exitCodes.notFound, `not_found: "${service}" has no method ${name}; it has ${list(known)}`)
  throw failure(
    exitCodes.usage,
    `the instances of "${service}" do not say which methods they have, so ${name} is not enough`,
    `Write Service.${name} or package.Service/${name}, or give the contract: --proto <file>`,
  )
}

/** Messages as they stand on the command line. */
export const asJson: MessageCodecs = { input: json(), output: json() }

function methodOf(contract: string, name: string, known: readonly EndpointInfo[]): Method {
  const info = known.find((one) => one.name === shortName(`${contract}.${name}`))
  // Whether requests or answers or both are streams is not advertised; a bidi call suits all three.
  const kind: Kind = info?.metadata?.stream === 'true' ? 'bidi' : 'unary'
  return { service: contract, name, path: `/${contract}/${name}`, kind, ...asJson, idempotent: false }
}

/** `hello.Greeter.Hello` → `Greeter.Hello`, as it is advertised. */
function shortName(full: string): string {
  return full.split('.').slice(-2).join('.')
}

function list(endpoints: readonly EndpointInfo[]): string {
  return endpoints.map(({ name }) => name).join(', ')
}
