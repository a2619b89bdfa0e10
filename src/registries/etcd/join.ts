import { parseAddress } from '../../address.ts'
import { type Instances, nobody } from '../../instances.ts'
import type { Instance } from '../../registry.ts'

/** The instances of all layouts as one set: what an earlier layout has, by id or by address, a later one does not add. */
export interface Join {
  /** As of now; the same object until something changes. */
  readonly all: Instances
  /** The record `key` of the layout `rank` says something else now. Costs the same however many records there are. */
  change(rank: number, key: string, before: readonly Instance[], after: readonly Instance[]): void
}

/** What one record says about one id. */
interface Claim {
  readonly rank: number
  readonly key: string
  readonly instance: Instance
}

/** An empty set of `layouts` layouts. */
export function createJoin(layouts: number): Join {
  const byId = new Map<string, Claim[]>()
  /** Only needed where there is more than one layout. */
  const byPlace = new Map<string, Claim[]>()
  /** Ids that may be told otherwise since `all` was made. */
  const doubtful = new Set<string>()
  let all = nobody

  function claim(one: Claim, index: Map<string, Claim[]>, name: string): void {
    const claims = index.get(name)
    if (claims === undefined) index.set(name, [one])
    else claims.push(one)
  }

  /** Leaves the list without it there, for {@link prune}. */
  function withdraw({ rank, key }: Claim, index: Map<string, Claim[]>, name: string): void {
    const claims = index.get(name)
    const at = claims?.findIndex((other) => other.rank === rank && other.key === key) ?? -1
    if (at >= 0) claims?.splice(at, 1)
  }

  /** Only what has no claim in the end is deleted: looking up a name walks over all that has been deleted from its bucket of the map since that grew last. */
  function prune(_: Claim, index: Map<string, Claim[]>, name: string): void {
    if (index.get(name)?.length === 0) index.delete(name)
  }

  function visit(rank: number, key: string, instances: readonly Instance[], what: typeof claim): void {
    for (const instance of instances) {
      const one = { rank, key, instance }
      what(one, byId, instance.id)
      doubtful.add(instance.id)
      if (layouts === 1) continue
      const place = placeOf(instance)
      what(one, byPlace, place)
      for (const other of byPlace.get(place) ?? []) if (other.rank > rank) doubtful.add(other.instance.id)
    }
  }

  /** Of several claims to an id the one of the first layout, and in that of the first key. */
  function told(id: string): Instance | undefined {
    let best: Claim | undefined
    for (const one of byId.get(id) ?? []) {
      const order = best === undefined ? -1 : one.rank - best.rank || (one.key < best.key ? -1 : 1)
      if (order < 0 && !isTaken(one)) best = one
    }
    return best?.instance
  }

  function isTaken({ rank, instance }: Claim): boolean {
    return layouts > 1 && (byPlace.get(placeOf(instance)) ?? []).some((other) => other.rank < rank)
  }

  return {
    get all() {
      if (doubtful.size > 0) all = all.with(new Map([...doubtful].map((id) => [id, told(id)])))
      doubtful.clear()
      return all
    },
    change(rank, key, before, after) {
      visit(rank, key, before, withdraw)
      visit(rank, key, after, claim)
      visit(rank, key, before, prune)
    },
  }
}

function placeOf({ address }: Instance): string {
  const { host, port } = parseAddress(address)
  return `${host}:${port}`
}
