import { parseAddress } from '../../address.ts'
import type { Logger } from '../../logger.ts'
import type { Instance, ResolverListener } from '../../registry.ts'
import type { Source } from './source.ts'

/** The instances of one service, from all layouts, for any number of listeners. */
export interface View {
  /** Returns how to stop. */
  add(listener: ResolverListener): () => void
  stop(): void
}

interface Audience {
  readonly listener: ResolverListener
  /** The set it was given last. */
  told: readonly Instance[] | undefined
  /** It has been told of the outage. */
  warned: boolean
}

/** Joins the sources; changes within a turn of the event loop are told as one. `abandoned` is called when the last listener has left. */
export function createView(open: (changed: () => void) => readonly Source[], logger: Logger, abandoned: () => void): View {
  const audience = new Set<Audience>()
  let all: readonly Instance[] | undefined
  let stale = true
  let pending: NodeJS.Immediate | undefined

  const sources = open(() => {
    stale = true
    plan()
  })

  function plan(): void {
    pending ??= setImmediate(flush)
  }

  function flush(): void {
    pending = undefined
    if (stale) all = join(sources) ?? all
    stale = false
    const trouble = sources.find((source) => source.trouble !== undefined)?.trouble
    for (const member of [...audience]) {
      if (!audience.has(member)) continue
      if (all !== undefined && member.told !== all) {
        member.told = all
        tell(() => member.listener.update(all ?? []))
      }
      if (trouble !== undefined && !member.warned) tell(() => member.listener.error(trouble))
      member.warned = trouble !== undefined
    }
  }

  /** A listener that throws must not take the others' sets away. */
  function tell(report: () => void): void {
    try {
      report()
    } catch (error) {
      logger.error({ err: error }, 'a listener of the registry threw')
    }
  }

  return {
    add(listener) {
      const member: Audience = { listener, told: undefined, warned: false }
      audience.add(member)
      plan()
      return () => {
        if (audience.delete(member) && audience.size === 0) abandoned()
      }
    },
    stop() {
      clearImmediate(pending)
      audience.clear()
      for (const source of sources) source.stop()
    },
  }
}

/** Every instance once: what an earlier layout has, by id or by address, a later one does not add. Undefined until all are listed. */
function join(sources: readonly Source[]): readonly Instance[] | undefined {
  const byId = new Map<string, Instance>()
  const taken = new Set<string>()
  for (const { records } of sources) {
    if (records === undefined) return undefined
    const added: Instance[] = []
    for (const { instances } of records.values()) {
      for (const instance of instances) if (taken.size === 0 || !taken.has(place(instance))) added.push(instance)
    }
    for (const instance of added) byId.set(instance.id, instance)
    if (sources.length > 1) for (const instance of added) taken.add(place(instance))
  }
  return [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
}

function place({ address }: Instance): string {
  const { host, port } = parseAddress(address)
  return `${host}:${port}`
}
