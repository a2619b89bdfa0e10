import { RpcError } from './error.ts'

/** What beckon logs to: pino's shape, so that a pino logger (or a child of one) fits as it is. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

const ignore = (): void => {}

/** Logs nothing. */
export const silent: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }

/** What to log to: nothing without a logger. What one throws fails nobody; the first of it is told as a warning of the process. */
export function loggerOf(given: Logger | undefined): Logger {
  if (given === undefined) return silent
  let told = false
  const log = (level: keyof Logger, fields: object, message: string): void => {
    try {
      given[level](fields, message)
    } catch (thrown) {
      if (!told) process.emitWarning(`beckon: a logger threw: ${RpcError.from(thrown).rawMessage}`, { code: 'BECKON_LOGGER' })
      told = true
    }
  }
  return {
    debug: (fields, message) => log('debug', fields, message),
    info: (fields, message) => log('info', fields, message),
    warn: (fields, message) => log('warn', fields, message),
    error: (fields, message) => log('error', fields, message),
  }
}
