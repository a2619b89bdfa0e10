/** How many messages etcd has received since it started, by method: requests, and what came on streams. */
export type Received = ReadonlyMap<string, number>

/** Reads etcd's own metrics. Rejects when etcd is not there. */
export async function received(address: string): Promise<Received> {
  const text = await (await fetch(`http://${address}/metrics`)).text()
  const lines = text.matchAll(/^grpc_server_msg_received_total{grpc_method="(\w+)"[^}]*} (\S+)$/gm)
  const counts = new Map<string, number>()
  // The watches of etcd's health service are of the same name.
  for (const [, method = '', count] of lines) counts.set(method, (counts.get(method) ?? 0) + Number(count))
  return counts
}

/** What etcd has received in between, of one method or of all. */
export function between(before: Received, after: Received, method?: string): number {
  const of = (counts: Received): number =>
    method === undefined ? [...counts.values()].reduce((sum, one) => sum + one, 0) : (counts.get(method) ?? 0)
  return of(after) - of(before)
}
