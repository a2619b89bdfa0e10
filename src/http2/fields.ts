/** Names and values in turn: how header lists travel inside the engine. */
export type Fields = readonly string[]

const validName = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/
const forbiddenInValue = /[\0\r\n]/
/** Forbidden too, but Go's gRPC sends what it is given: metadata, and messages of errors such as `not found: `. */
const spaceAround = /^[ \t]|[ \t]$/
const connectionSpecific = new Set(['connection', 'proxy-connection', 'keep-alive', 'transfer-encoding', 'upgrade'])

/**
 * Why a list of fields is malformed, or `''`. Rules: https://www.rfc-editor.org/rfc/rfc9113#section-8.2 and 8.3.
 * A list without pseudo-headers is one of trailers.
 */
export function malformed(names: readonly string[], values: readonly string[], server: boolean): string {
  let ordinary = false
  let seen = ''
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string
    const value = values[i] as string
    if (!validName.test(name)) return `header name ${JSON.stringify(name)} is not valid`
    if (forbiddenInValue.test(value)) return `header ${name} has a value that is not valid`
    if (name.charCodeAt(0) !== 58) {
      ordinary = true
      if (connectionSpecific.has(name) || (name === 'te' && value !== 'trailers')) return `header ${name} does not belong in HTTP/2`
      continue
    }
    if (ordinary) return `${name} after an ordinary header`
    if (spaceAround.test(value)) return `${name} has a value that is not valid`
    if (seen.includes(`${name} `)) return `${name} more than once`
    seen += `${name} `
    if (!(server ? /^:(method|scheme|path|authority)$/ : /^:status$/).test(name)) return `${name} does not belong here`
    if (name === ':path' && value === '') return ':path is empty'
    if (name === ':status' && !/^[1-9]\d\d$/.test(value)) return ':status is no number'
  }
  if (server && seen !== '') {
    const connect = values[names.indexOf(':method')] === 'CONNECT'
    for (const name of [':method ', ...(connect ? [] : [':scheme ', ':path '])])
      if (!seen.includes(name)) return `${name.trim()} is missing`
  }
  return ''
}
