/** bench/RESULTS.md: a table of one run, and what must be known to read it. */
export function page(table: string, how: string): string {
  return `# Results

What \`npm run bench\` gave on one machine on one day. Calls per second, in brackets the latency that half of the calls and 99 in 100 did not
exceed; below that, the processor time of a call on each side. Only ratios within the table mean anything: run it where you care.

\`Greeter.Hello\`, three short strings each way, through whole stacks as their users have them. beckon: \`createServer\` and \`createClient\` with an etcd
registry, power of two choices, retries, a deadline per call, protobuf-es messages. grpc-js, nice-grpc, connect (its gRPC) and bare-http2 (\`node:http2\`, gRPC's
framing by hand): the same messages on one connection. nest-grpc: protobufjs on grpc-js. Moleculer and nest-tcp: JSON over TCP or NATS. undici-http1:
JSON over HTTP/1.1 to \`node:http\`, up to 256 connections. bare-socket is no peer but the floor: lengths and beckon's compiled codec on a TCP socket, without
a protocol, deadlines, balancing or limits. The rows with × say how many times a peer's calls per second beckon makes.

\`\`\`
${table}
\`\`\`

${how}
`
}
