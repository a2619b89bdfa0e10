/** bench/RESULTS.md: a table of one run, and what must be known to read it. */
export function page(table: string, how: string): string {
  return `# Results

What \`npm run bench\` gave on one machine on one day. Calls per second, in brackets the latency that half of the calls and 99 in 100 did not
exceed. Only ratios within the table mean anything: run it where you care.

\`Greeter.Hello\`, three short strings each way, through whole stacks as their users have them. beckon: \`createServer\` and \`createClient\` with an etcd
registry, power of two choices, retries, a deadline per call, protobuf-es messages. grpc-js: the same messages on one channel. Moleculer and Nest: their
TCP transports, JSON. The last rows say how many times a peer's calls per second beckon makes.

\`\`\`
${table}
\`\`\`

${how}
`
}
