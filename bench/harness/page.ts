import { type Target, targetTable } from './targets.ts'

/** What bench/RESULTS.md is made of. */
export interface Run {
  /** All tables. */
  readonly text: string
  readonly targets: readonly Target[]
  readonly versions: Readonly<Record<string, string>>
  readonly how: string
}

/** bench/RESULTS.md: the tables of one run, and what must be known to read them. */
export function page({ text, targets, versions, how }: Run): string {
  const date = new Date().toISOString().slice(0, 10)
  return `# Results

What \`npm run bench\` gave on one machine on one day. Only ratios within a table mean anything: run it where you care.

![Calls per second and latency, beside other stacks](RESULTS.svg)

## Targets

Measured: beckon's figure as a multiple of the other's, or the figure itself. The last column: how many times the processor time of beckon's calls the other's take.

\`\`\`
${targetTable(targets)}
\`\`\`

## What was measured

\`Greeter.Hello\`, three short strings each way, through whole stacks as their users have them; client and server each a process on a core of its own. beckon:
\`createServer\` and \`createClient\` with an etcd registry, power of two choices, retries, a deadline per call, protobuf-es messages. beckon-engine: its transport
alone, with the same codec. grpc-js, nice-grpc, connect (its gRPC) and bare-http2 (\`node:http2\`, gRPC's framing by hand): the same messages on one connection.
nest-grpc: protobufjs on grpc-js. Moleculer and nest-tcp: JSON over TCP or NATS. undici-http1: JSON over HTTP/1.1 to \`node:http\`, up to 256 connections;
beckon-http1: the same client, to beckon's server.
bare-socket is no peer but the floor: lengths and beckon's compiled codec on a TCP socket, without a protocol, deadlines, balancing or limits. grpc-go: a deadline
per call; go-kit: its gRPC transport behind an endpointer, round robin and \`Retry(3, 3 s)\`, with a fixed set of instances; both with \`GOMAXPROCS=1\`.

Calls per second, in brackets the latency that half of the calls and 99 in 100 did not exceed. Processor time is per call or message, for
moleculer-nats without the broker's. Streams: messages of one short string; both ways, each stream keeps 64 messages under way. Sizes: a bytes field, the same each
way. Beside 1 MB messages: four callers who pause a millisecond after each call, and so many streams both ways, each with two messages of 1 MB under way, all on one
connection; half, 99 in 100, and the longest of the calls. Connections: a client of its own for each, all in one process. Memory: on the server for each of many
connections that carried a call, and on both sides for each of many calls that wait for their handler; idle-socket is a connection to a bare \`net\` server.

\`\`\`
${text}
\`\`\`

${date}: ${how}.

Versions: ${Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ')}.
`
}
