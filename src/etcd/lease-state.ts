/** What the keep-alive knows of one lease. Plain data: {@link stepLease} makes the next one of it, in production as in test/model. */
export interface LeaseKnowledge {
  readonly status: 'held' | 'lost'
  /** Until when it certainly lives. */
  readonly deadline: number
  /** When the keep-alive that waits for its answer was sent. */
  readonly sentAt: number | undefined
}

/** What happens to a lease. All times are in milliseconds, on one monotonic clock. */
export type LeaseInput =
  | { readonly type: 'sent'; readonly at: number }
  /** etcd has answered with what is left; 0 or less for a lease that it does not have. */
  | { readonly type: 'answered'; readonly ttl: number }
  /** The stream broke: no answer will come to what was sent on it. */
  | { readonly type: 'broken' }
  /** Time has passed, perhaps more than was meant to: the process may have been paused. */
  | { readonly type: 'passed'; readonly at: number }

/** What came of it: `refused` and `expired` are the end, and come once. */
export type LeaseOutput = 'renewed' | 'refused' | 'expired' | undefined

/** The deadline counts from when the keep-alive was sent: etcd cannot have begun to count before that. */
export function stepLease(known: LeaseKnowledge, input: LeaseInput): readonly [LeaseKnowledge, LeaseOutput] {
  if (known.status === 'lost') return [known, undefined]
  switch (input.type) {
    case 'sent':
      return [{ ...known, sentAt: input.at }, undefined]
    case 'broken':
      return [{ ...known, sentAt: undefined }, undefined]
    case 'answered': {
      if (input.ttl <= 0) return [{ ...known, status: 'lost' }, 'refused']
      if (known.sentAt === undefined) return [known, undefined]
      const deadline = Math.max(known.deadline, known.sentAt + input.ttl)
      return [{ ...known, deadline, sentAt: undefined }, 'renewed']
    }
    default:
      return input.at < known.deadline ? [known, undefined] : [{ ...known, status: 'lost' }, 'expired']
  }
}
