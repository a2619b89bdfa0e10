import { type Clock, systemClock } from '../clock.ts'
import type { Context, Middleware } from '../endpoint.ts'
import type { Code, RpcError } from '../error.ts'
import { type Logger, loggerOf } from '../logger.ts'
import { callWithEnd } from '../stream.ts'

/** What {@link logging} needs and can be told. */
export interface LoggingOptions {
  /** pino, or anything of its shape. */
  readonly logger: Logger
  /** Level of calls that went well. Default `info`. */
  readonly level?: 'debug' | 'info' | undefined
  readonly clock?: Clock | undefined
}

/** Codes that mean a fault in a program rather than in a request. */
const faults: ReadonlySet<Code> = new Set<Code>(['unknown', 'internal', 'data_loss'])

/**
 * One line per call, when it has ended; for a stream that is its last message, its error, or its reader leaving. Calls that failed are
 * logged at `warn`, those that failed by a fault (`unknown`, `internal`, `data_loss`) at `error`, with the error as `err`.
 */
export function logging(options: LoggingOptions): Middleware {
  const { level = 'info', clock = systemClock } = options
  const logger = loggerOf(options.logger)
  return (next) => (request, context) => {
    const began = clock.now()
    return callWithEnd(next, request, context, (error) => {
      const fields = fieldsOf(context, Math.round((clock.now() - began) * 1000) / 1000, error)
      const { path } = context.method
      if (error === undefined) logger[level](fields, `${path} ok`)
      else logger[faults.has(error.code) ? 'error' : 'warn'](fields, `${path} ${error.message}`)
    })
  }
}

function fieldsOf(context: Context, ms: number, error: RpcError | undefined): object {
  const { method, instance, peer, tried } = context
  return {
    method: method.path,
    ...(peer !== undefined && { peer }),
    ...(instance !== undefined && { instance: instance.id, address: instance.address }),
    code: error?.code ?? 'ok',
    ms,
    attempts: Math.max(error?.attempts.length ?? 0, (tried?.length ?? 0) + 1),
    ...(error !== undefined && { err: error }),
  }
}
