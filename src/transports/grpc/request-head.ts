import type { Codec } from '../../codec.ts'
import type { Route, Routes } from '../../transport.ts'
import { acceptsGzip } from './compression.ts'
import { isMetadata } from './metadata.ts'
import { readTimeout } from './timeout.ts'

/** A request's headers with what answers them, as looked up once for all blocks of the same bytes. */
export interface RequestHead {
  /** The HTTP method. */
  readonly method: string
  readonly path: string
  readonly route: Route | undefined
  readonly input: Codec | undefined
  readonly output: Codec | undefined
  readonly contentType: string
  /** HTTP status for what is no gRPC at all, or 0. */
  readonly http: number
  /** Milliseconds; `Infinity` without `grpc-timeout`. `NaN` for one that cannot be read. */
  readonly timeout: number
  readonly contentLength: number
  /** `grpc-encoding` other than identity, or `''`. */
  readonly encoding: string
  /** The caller can read gzip. */
  readonly gzip: boolean
  /** Names and values of the metadata. */
  readonly metadata: readonly string[]
}

/** Reads requests' header lists for a server with these routes. */
export function requestParser(routes: Routes): (names: readonly string[], values: readonly string[]) => RequestHead {
  return (names, values) => {
    let method = ''
    let path = ''
    let contentType = ''
    let timeout = Number.POSITIVE_INFINITY
    let contentLength = -1
    let encoding = ''
    let gzip = false
    const metadata: string[] = []
    for (let i = 0; i < names.length; i++) {
      const name = names[i] as string
      const value = values[i] as string
      if (name === ':path') path = value
      else if (name === ':method') method = value
      // Every way to write it would be kept as one of its own.
      else if (name === 'content-type') contentType = value.toLowerCase()
      else if (name === 'content-length') contentLength = Number(value)
      else if (name === 'grpc-timeout') timeout = readTimeout(value) ?? Number.NaN
      else if (name === 'grpc-encoding') encoding = value === 'identity' ? '' : value
      else if (name === 'grpc-accept-encoding') gzip = acceptsGzip(value)
      else if (isMetadata(name)) metadata.push(name, value)
    }
    const match = /^application\/grpc(?:\+([^;]+))?(?:;|$)/.exec(contentType)
    const http = method !== 'POST' ? 405 : match === null ? 415 : 0
    const route = http === 0 ? routes(path) : undefined
    const codecs = route && codecsOf(route, match?.[1])
    return {
      method,
      path,
      route,
      ...pick(codecs),
      contentType: contentType.split(';')[0] as string,
      http,
      timeout,
      contentLength,
      encoding,
      gzip,
      metadata,
    }
  }
}

function pick(codecs: { input: Codec; output: Codec } | undefined): Pick<RequestHead, 'input' | 'output'> {
  return { input: codecs?.input, output: codecs?.output }
}

/** The codecs for a content subtype. None means the method's own, as far as gRPC's default is concerned: protobuf, if it has it. */
export function codecsOf(
  { method, codecs = method.codecs }: Route,
  subtype: string | undefined,
): { input: Codec; output: Codec } | undefined {
  if (subtype === undefined) return method.input.name === 'proto' ? method : (codecs?.proto ?? method)
  return subtype === method.input.name ? method : codecs?.[subtype]
}
