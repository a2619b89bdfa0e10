import { create } from '@bufbuild/protobuf'
import { type ResponseHeader, ResponseHeaderSchema } from '../gen/etcd/rpc_pb.ts'

/** What every response begins with. */
export type Header = ResponseHeader

/** The id of the cluster: that of a lone etcd on its default addresses. */
const clusterId = 0xcdf818194e3a8c32n
/** The id of its one member, likewise. */
export const memberId = 0x8e9e05c52164694dn
/** A lone etcd has elected itself once. */
export const raftTerm = 2n

/** The header of a response at a revision. */
export function headerAt(revision: bigint): Header {
  return create(ResponseHeaderSchema, { clusterId, memberId, revision, raftTerm })
}
