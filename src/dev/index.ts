/**
 * A registry inside the process: one node, in memory, speaking the etcd v3 API. For development and tests; production is
 * an etcd cluster.
 */
export { type DevRegistry, type DevRegistryOptions, startRegistry } from './server.ts'
