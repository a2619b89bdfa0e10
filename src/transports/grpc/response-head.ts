import { isMetadata } from './metadata.ts'
import type { Status } from './status.ts'

/** A response's headers or trailers, as read once for all blocks of the same bytes. */
export interface ResponseHead extends Status {
  /** HTTP status; 0 in trailers. */
  readonly http: number
  readonly contentType: string
  /** `grpc-status`, or -1. */
  readonly code: number
  /** `grpc-encoding` other than identity, or `''`. */
  readonly encoding: string
  /** Names and values of the metadata. */
  readonly metadata: readonly string[]
}

/** Reads a response's header list. */
export function parseResponseHead(names: readonly string[], values: readonly string[]): ResponseHead {
  const head = { http: 0, contentType: '', code: -1, message: '', details: '', encoding: '', metadata: [] as string[] }
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string
    const value = values[i] as string
    if (name === ':status') head.http = Number(value)
    else if (name === 'content-type') head.contentType = value
    else if (name === 'grpc-status') head.code = /^\d+$/.test(value) ? Number(value) : 2
    else if (name === 'grpc-message') head.message = value
    else if (name === 'grpc-status-details-bin') head.details = value
    else if (name === 'grpc-encoding') head.encoding = value === 'identity' ? '' : value
    else if (isMetadata(name)) head.metadata.push(name, value)
  }
  return head
}

/** `application/grpc`, also with a subtype or parameters. */
export function isGrpc(contentType: string): boolean {
  return /^application\/grpc([+;]|$)/i.test(contentType)
}
