import { type GoMicroOptions, goMicro as goMicroV3 } from '../../etcd/layouts/go-micro.ts'
import type { DirectoryLayout } from '../layout.ts'
import { directory } from './directory.ts'

/**
 * The records of go-plugins' etcd registry for go-micro v1 (up to v1.3 of the plugins): `/micro-registry/<service>/<id>`, one JSON service
 * with one node. For fleets of go-micro before v1.8 say `separatePort: true`.
 */
export function goMicro({ prefix = '/micro-registry/', separatePort }: GoMicroOptions = {}): DirectoryLayout {
  return { ...goMicroV3({ prefix: directory('goMicro', prefix), separatePort }), prune: true }
}
