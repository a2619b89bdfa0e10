import { Cluster, Maintenance as MaintenanceService } from '../gen/etcd/rpc_pb.ts'
import type { Caller, CallOptions } from './caller.ts'

/** How the member that answered is doing. */
export interface Status {
  readonly version: string
  /** Size of the database in bytes, allocated and in use. */
  readonly dbSize: number
  readonly dbSizeInUse: number
  /** The member that answered, and the leader; `0n` when there is none. */
  readonly member: bigint
  readonly leader: bigint
  readonly raftTerm: number
  /** The store's revision. */
  readonly revision: number
  /** What is wrong, in etcd's words. */
  readonly errors: readonly string[]
}

/** A member of the cluster. */
export interface Member {
  readonly id: bigint
  readonly name: string
  readonly peerUrls: readonly string[]
  readonly clientUrls: readonly string[]
}

/** The cluster itself: the part of the client for looking after it. */
export interface Maintenance {
  /** Asks the member in use. */
  status(options?: CallOptions): Promise<Status>
  members(options?: CallOptions): Promise<readonly Member[]>
}

/** Maintenance by a client. */
export function createMaintenance(caller: Caller): Maintenance {
  return {
    async status(options) {
      const status = await caller.unary(MaintenanceService.method.status, {}, { ...options, repeatable: true })
      return {
        version: status.version,
        dbSize: Number(status.dbSize),
        dbSizeInUse: Number(status.dbSizeInUse),
        member: status.header?.memberId ?? 0n,
        leader: status.leader,
        raftTerm: Number(status.raftTerm),
        revision: Number(status.header?.revision ?? 0n),
        errors: status.errors,
      }
    },
    async members(options) {
      const { members } = await caller.unary(Cluster.method.memberList, {}, { ...options, repeatable: true })
      return members.map(({ ID, name, peerURLs, clientURLs }) => ({ id: ID, name, peerUrls: peerURLs, clientUrls: clientURLs }))
    },
  }
}
