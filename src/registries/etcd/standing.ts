import { RpcError } from '../../error.ts'
import type { Logger } from '../../logger.ts'
import type { Instance, RegistrationState } from '../../registry.ts'

/** How a registration stands, told to those who listen and to the log. */
export interface Standing {
  readonly state: RegistrationState
  /** Nothing happens where it is so already, or gone. */
  enter(state: RegistrationState, cause?: Error): void
  /** It never came to be: gone, without a word. */
  abandon(): void
  onState(listener: (state: RegistrationState, cause?: Error) => void): () => void
}

/** Begins as `healing`, of which nobody is told. `registry` is for the log: `etcd at host:port`. */
export function createStanding(registry: string, instance: () => Instance, logger: Logger): Standing {
  const listeners = new Set<(state: RegistrationState, cause?: Error) => void>()
  let state: RegistrationState = 'healing'
  let lostAt: number | undefined

  function log(cause?: Error): void {
    const { id } = instance()
    const fields = { ...about(instance()), ...(cause && { err: cause }) }
    if (state === 'healing') {
      lostAt = performance.now()
      logger.warn(fields, `registration of ${id} lost, putting it back: ${cause?.message}`)
    } else if (state === 'lost') logger.error(fields, `${id} cannot be put back, trying on: ${cause?.message}`)
    else if (state === 'gone') logger.info(fields, `${id} deregistered`)
    else if (lostAt === undefined) logger.info(fields, `${id} registered in ${registry}`)
    else logger.info(fields, `registration of ${id} is back after ${Math.round(performance.now() - lostAt)} ms`)
  }

  return {
    get state() {
      return state
    },
    enter(next, cause) {
      if (state === next || state === 'gone') return
      state = next
      log(cause)
      for (const listener of [...listeners]) {
        try {
          listener(next, cause)
        } catch (error) {
          logger.error({ ...about(instance()), err: error }, `a listener to the state of ${instance().id} threw`)
        }
      }
    },
    abandon() {
      state = 'gone'
    },
    onState(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

/** An instance in the fields of a log line. */
export function about({ service, id, address }: Instance): object {
  return { service, id, address }
}

/** What an update must keep to. Throws `invalid_argument`, or `failed_precondition` where the registration is gone. */
export function checkUpdate({ id, service }: Instance, next: Instance, state: RegistrationState): void {
  if (next.id !== id || next.service !== service)
    throw new RpcError('invalid_argument', `update: id and service must stay ${id} and ${service}, got ${next.id} and ${next.service}`)
  if (state === 'gone') throw new RpcError('failed_precondition', `update: ${id} has been deregistered`)
}
