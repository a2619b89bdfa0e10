/** A system of which every state can be looked at. States are plain data. */
export interface Model<S> {
  readonly initial: readonly S[]
  /** Everything that can happen in a state. Throws where something happens that must not. */
  next(state: S): readonly { readonly label: string; readonly state: S }[]
  /** All is well, and nothing is still to come. */
  settled(state: S): boolean
}

/** What was found: how many states there are, and the way to one from which no way leads to a settled one, if there is any. */
export interface Explored {
  readonly states: number
  readonly settled: number
  readonly stuck: string | undefined
}

interface Visited<S> {
  readonly state: S
  readonly from: number
  readonly label: string
}

/** Visits every state there is. Throws what `next` throws, with the way there. */
export function explore<S>(model: Model<S>, limit = 2_000_000): Explored {
  const visited: Visited<S>[] = []
  const index = new Map<string, number>()
  const backwards: number[][] = []

  function visit(state: S, from: number, label: string): number {
    const key = JSON.stringify(state)
    const known = index.get(key)
    if (known !== undefined) return known
    if (visited.length >= limit) throw new Error(`more than ${limit} states`)
    index.set(key, visited.length)
    backwards.push([])
    return visited.push({ state, from, label }) - 1
  }

  function way(to: number): string {
    const labels: string[] = []
    for (let at = to; at >= 0; at = visited[at]?.from ?? -1) labels.unshift(visited[at]?.label ?? '')
    return `${labels.join(' → ')}: ${JSON.stringify(visited[to]?.state)}`
  }

  for (const state of model.initial) visit(state, -1, 'begin')
  for (let at = 0; at < visited.length; at++) {
    try {
      for (const { label, state } of model.next((visited[at] as Visited<S>).state)) backwards[visit(state, at, label)]?.push(at)
    } catch (error) {
      throw new Error(`${(error as Error).message}, by ${way(at)}`)
    }
  }

  const good = visited.flatMap(({ state }, at) => (model.settled(state) ? [at] : []))
  const reaching = new Set(good)
  for (const at of reaching) for (const before of backwards[at] ?? []) reaching.add(before)
  const stuck = visited.findIndex((_, at) => !reaching.has(at))
  return { states: visited.length, settled: good.length, stuck: stuck < 0 ? undefined : way(stuck) }
}
