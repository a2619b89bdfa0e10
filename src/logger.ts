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
