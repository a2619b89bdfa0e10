import { freePorts } from '../../test/support/etcd.ts'
import { type Spread, spread } from './numbers.ts'
import { type Program, startNode, startOther } from './program.ts'
import type { Scene } from './scene.ts'

/** From an instance's being registered to the first call that it serves, in milliseconds, of a caller that is at work all the time. */
export interface DiscoveryFigures extends Spread {
  readonly samples: number
  /** Of the caller's calls to all instances, while they came and went. */
  readonly failedCalls: number
}

/** By who finds whom. */
export type DiscoveryResults = Readonly<Record<string, DiscoveryFigures>>

/** beckon's instances come and go one after the other; Moleculer's nodes come at random times within one of its heartbeats, and stay. A Moleculer that fails is left out. */
export async function measureDiscovery({ etcd, note, quick }: Scene): Promise<DiscoveryResults> {
  note('discovery: beckon')
  const beckon = await measure('server', 'caller', [etcd.address], `start ${quick ? 5 : 100}`)
  const nats = await startNats()
  if (nats === undefined) {
    note('discovery: Moleculer is left out, nats-server is not installed')
    return { beckon }
  }
  const over = async (name: string, discoverer: string, start: string): Promise<DiscoveryResults> => {
    note(`discovery: ${name}`)
    try {
      return { [name]: await measure('moleculer-server', 'moleculer-caller', [nats, discoverer, etcd.address], start) }
    } catch (error) {
      note(`discovery: ${name} is left out: ${(error as Error).message.trimEnd()}`)
      return {}
    }
  }
  const local = await over('moleculer, NATS', 'Local', `start ${quick ? 5 : 50} 3000`)
  return { beckon, ...local, ...(quick ? {} : await over('moleculer, etcd3', 'Etcd3', 'start 20 10000')) }
}

async function measure(server: string, caller: string, args: readonly string[], start: string): Promise<DiscoveryFigures> {
  const programs: Program[] = []
  try {
    const serving = await startNode(server, args)
    programs.push(serving)
    const calling = await startNode(caller, args)
    programs.push(calling)
    const times = Object.values(await serving.ask(start))
    const { failed = 0 } = await calling.ask('failed')
    return { ...spread(times), samples: times.length, failedCalls: failed }
  } finally {
    await Promise.all(programs.map((program) => program.stop()))
  }
}

/** Where NATS is; undefined where it is not installed. */
async function startNats(): Promise<string | undefined> {
  const [port] = await freePorts(2)
  const started = await startOther('nats-server', ['-a', '127.0.0.1', '-p', String(port)], /Server is ready/)
  return started ? `nats://127.0.0.1:${port}` : undefined
}
