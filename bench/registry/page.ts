import { targetTable } from '../harness/targets.ts'
import { toText } from './report.ts'
import type { Results } from './results.ts'
import { targetsOf } from './targets.ts'
import { versions } from './versions.ts'

/** The registry's part of RESULTS.md: the tables of one run, and what must be known to read them. */
export function page(results: Results, how: string): string {
  return `# Results: the registry

What \`npm run bench:registry\` gave on one machine on one day, on a real etcd with as many instances under the prefix as each column says. Only ratios within a
table mean anything: run it where you care.

![What a change costs a listener](RESULTS-registry.svg)

## Targets, the registry's

\`\`\`
${targetTable(targetsOf(results))}
\`\`\`

## What was measured, of the registry

A change is an instance that comes or goes. go-kit: its etcdv3 instancer, in Go. bareWatch: etcd's own client in Go, a watch whose events go into a map.
etcd3: the npm package, \`getAll\`, then a watch whose events go into a map. moleculer: its etcd3 discoverer, which does not watch but reads the keys of all nodes
every 10 s: here once per change, and not with 100,000 nodes, as it asks for each by itself. All but Moleculer follow the same keys and values, go-kit's.
Processor time is the whole process's; of programs on Node once they have seen 4000 changes, when V8 has compiled what it will, and of their first 100 or so beside
it. Bytes are what came over its connection to etcd, HTTP/2 and all. From a put to the listener: a put at a time, each listener's
instances under a prefix of its own, the listeners taking turns, those on Node after 4000 changes.

Listed: go-micro's records with a version, a zone and some metadata, by a process that had no others; the bytes are heap and buffers after garbage has been
collected. Registered: as many \`register()\` at once in one process; at rest is what etcd then receives, all requests and messages on streams; then somebody revokes
their lease, and the time is from when the first of them hears of it. Found: a caller calls all the time, with four calls under way; instances come, and the time is
from \`start()\`'s being resolved to the first call that the new one serves. Moleculer finds others by announcements over NATS, or by its etcd3 discoverer at the next
heartbeat, every 10 s. Herd: every client is a registry with a connection of its own to the real etcd, 250 in a process, that follows a service of 100 instances and
has registered one; etcd is killed and started again after so long, and one instance more is registered by somebody else as soon as it answers. After 30 s their
leases have run out, and all register again. Without jitter means that all clients draw the same random number. The peak is what the clients sent in their busiest
50 ms, by their own clock: etcd's metrics are answered late while it is busy. All share the machine's two cores with etcd, which evens out any peak that is more than they can do.

\`\`\`
${toText(results)}
\`\`\`

${how}

Versions: ${Object.entries(versions())
    .map(([name, version]) => `${name} ${version}`)
    .join(', ')}.
`
}
