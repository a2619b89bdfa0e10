import { Auth, Cluster, Maintenance } from '../gen/etcd/rpc_pb.ts'
import type { Route } from '../transport.ts'
import { fault } from './faults.ts'
import { type Header, memberId, raftTerm } from './header.ts'
import { implement } from './routes.ts'

/** What Status says: the API it speaks, and that it is no etcd. Clients read the first two numbers. */
const version = '3.4.0+beckon'

/** etcd's Maintenance, Cluster and Auth services, as far as clients of a healthy node without users need them. */
export function maintenance(header: () => Header, address: () => string): readonly Route[] {
  return [
    ...implement(Maintenance, {
      alarm: async () => ({ header: header(), alarms: [] }),
      async status() {
        const now = header()
        return { header: now, version, leader: memberId, raftTerm, raftIndex: now.revision, raftAppliedIndex: now.revision }
      },
    }),
    ...implement(Cluster, {
      memberList: async () => ({ header: header(), members: [{ ID: memberId, name: 'beckon', clientURLs: [`http://${address()}`] }] }),
    }),
    ...implement(Auth, {
      async authenticate() {
        throw fault('authNotEnabled')
      },
    }),
  ]
}
