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

/** The logger, but that it never throws: what fails in it is dropped, and must not take away what was to be told of. */
export function unfailing(logger: Logger): Logger {
  const at =
    (level: keyof Logger): Logger['info'] =>
    (fields, message) => {
      try {
        logger[level](fields, message)
      } catch {}
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
