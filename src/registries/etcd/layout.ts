import type { Instance } from '../../registry.ts'

/** How an instance is written in etcd: a small codec. */
export interface Layout {
  /** For messages: `go-micro`. */
  readonly name: string
  /** The beginning of the keys of all instances of a service. */
  prefix(service: string): string
  /** Unique among all instances. */
  key(instance: Instance): string
  encode(instance: Instance): string
  /** The instances in a record; none where it belongs to another service. Throws an Error saying what is wrong with a malformed one. */
  decode(key: string, value: string, service: string): readonly Instance[]
  /** What is doubtful about a key, if anything; it is logged once. */
  doubt?(key: string, service: string): string | undefined
  /** The beginning of the keys of all services; absent where a layout cannot tell services apart. */
  readonly root?: string
  /** The service of a record under {@link root}; undefined where it is none. */
  serviceOf?(key: string, value: string): string | undefined
}
