import type { Instances } from '../../instances.ts'
import type { Logger } from '../../logger.ts'
import type { ResolverListener } from '../../registry.ts'
import { createJoin } from './join.ts'
import type { Layout } from './layout.ts'
import type { Source, SourceOptions } from './source.ts'

/** The instances of one service, from all layouts, for any number of listeners. */
export interface View {
  /** Returns how to stop. */
  add(listener: ResolverListener): () => void
  stop(): void
}

/** What a view wants to be told by its sources. */
export type Told = Pick<SourceOptions, 'wrote' | 'changed'>

interface Audience {
  readonly listener: ResolverListener
  /** The set it was given last. */
  told: Instances | undefined
  /** It has been told of the outage. */
  warned: boolean
}

/** Joins the sources; changes within a turn of the event loop are told as one. `abandoned` is called when the last listener has left. */
export function createView(
  layouts: readonly Layout[],
  open: (layout: Layout, tell: Told) => Source,
  logger: Logger,
  abandoned: () => void,
): View {
  const audience = new Set<Audience>()
  const join = createJoin(layouts.length)
  let pending: NodeJS.Immediate | undefined

  const sources = layouts.map((layout, rank) =>
    open(layout, { wrote: (key, before, after) => join.change(rank, key, before, after), changed: plan }),
  )

  function plan(): void {
    pending ??= setImmediate(flush)
  }

  function flush(): void {
    pending = undefined
    // A layout that has not been read yet would be missing in it.
    const all = sources.every(({ records }) => records !== undefined) ? join.all : undefined
    const trouble = sources.find((source) => source.trouble !== undefined)?.trouble
    for (const member of [...audience]) {
      if (!audience.has(member)) continue
      const certain = member.warned && trouble === undefined
      if (all !== undefined && (member.told !== all || certain)) {
        member.told = all
        tell(() => member.listener.update(all))
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
