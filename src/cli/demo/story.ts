import { p2c } from '../../balancers/p2c.ts'
import { roundRobin } from '../../balancers/round-robin.ts'
import { sleep, systemClock } from '../../clock.ts'
import type { NodeStatus } from '../../node.ts'
import { exitCodes, failure } from '../exit.ts'
import { firstSet } from '../instances.ts'
import { note, print, printJson, style, table } from '../output.ts'
import type { Cli } from '../program.ts'
import { stopSignal } from '../stop.ts'
import { type BookCaller, bookCaller } from './book.ts'
import { type BookInstance, createFleet, type Fleet, lease } from './instance.ts'
import { callers, type SteadyLoad, steadyLoad } from './load.ts'
import { type DemoRegistry, demoRegistry, serviceName } from './registry.ts'
import { within } from './wait.ts'

/** What the acts of the demo share. */
interface Stage {
  readonly registry: DemoRegistry
  readonly fleet: Fleet
  readonly caller: BookCaller
  say(line?: string): void
  /** Waits for up to 30 seconds, or until the demo is stopped. */
  wait<T>(what: string, promise: Promise<T>): Promise<T>
  pause(ms: number): Promise<void>
}

/** Runs the demo and leaves nothing behind. Fails when a call failed. With `json`, stdout gets the result alone, the story goes to stderr. */
export async function tell(cli: Cli): Promise<void> {
  const stop = stopSignal()
  const say = cli.json ? note : print
  const registry = await demoRegistry(cli)
  const fleet = createFleet(registry.args, registry.env)
  const caller = bookCaller(registry.registry, p2c())
  const wait = <T>(what: string, promise: Promise<T>): Promise<T> => within(30_000, what, stop, promise)
  const pause = (ms: number): Promise<void> => wait('time to pass', sleep(systemClock, ms, { keepAlive: true }))
  try {
    await play({ registry, fleet, caller, say: (line = '') => say(line), wait, pause }, cli)
  } finally {
    await caller[Symbol.asyncDispose]()
    await fleet.stop()
    await registry.close()
  }
}

async function play(stage: Stage, cli: Cli): Promise<void> {
  const { registry, say } = stage
  say(`${style('bold', 'Registry')}  ${registry.about}`)
  const { instances, discoverMs } = await open(stage)
  const roundRobin = await eightCalls(stage)
  const { load, fates, ejectMs } = await troubles(stage, instances)

  const { calls, failed, perInstance } = load
  say()
  const count = (address: string): string => (perInstance.get(address) ?? 0).toLocaleString('en').padStart(7)
  const rows = [...fates].map(([address, fate]) => [address, count(address), fate])
  for (const line of table(['INSTANCE', '  CALLS', ''], rows)) say(`  ${line}`)
  say()
  const verdict = style(failed === 0 ? 'green' : 'red', `${failed} failed`)
  say(
    `${style('bold', 'Result')}  ${calls.toLocaleString('en')} calls, ${verdict}; ${stage.caller.repeated} met an instance on its way out and were answered by another.`,
  )
  for (const error of [...load.errors].slice(0, 3)) say(`  ${error}`)
  if (cli.json)
    printJson({
      registry: registry.kind,
      instances: instances.length,
      roundRobin,
      calls,
      failed,
      discoverMs,
      ejectMs,
      perInstance: Object.fromEntries(perInstance),
    })
  if (failed > 0) throw failure(exitCodes.failed, `${failed} of ${calls} calls failed`)
}

/** Three instances come up; somebody has been waiting to call the first. */
async function open({ registry, fleet, caller, say, wait }: Stage): Promise<{ instances: readonly BookInstance[]; discoverMs: number }> {
  const first = caller.call(1).then(({ address }) => ({ address, at: Date.now() }))
  // When the demo ends before, nobody asks for it any more.
  first.catch(() => {})
  const instances = await wait('three instances to register', Promise.all([fleet.start(), fleet.start(), fleet.start()]))
  const { address, at } = await wait('a first call', first)
  // They know of their registration before the watch here does.
  await wait(
    'three instances in the registry',
    caller.when((nodes) => nodes.length >= 3),
  )
  const registeredAt = instances.find((instance) => instance.address === address)?.registeredAt ?? at
  const discoverMs = Math.max(0, at - registeredAt)
  say()
  say(`${style('bold', 'Three instances')} of ${serviceName}, each a process of its own. The registry has (key → value):`)
  for (const { id, address: value } of await firstSet(registry.registry, serviceName)) say(`  ${id} → ${value}`)
  say(`A client that was waiting made its first call ${ms(discoverMs)} after the instance had registered.`)
  return { instances, discoverMs }
}

async function eightCalls({ registry, say, wait }: Stage): Promise<readonly string[]> {
  const caller = bookCaller(registry.registry, roundRobin())
  try {
    await wait(
      'three connections',
      caller.when((nodes) => nodes.filter(isReady).length >= 3),
    )
    say()
    say(`${style('bold', 'Eight calls')}, round robin:`)
    const addresses: string[] = []
    for (let i = 1; i <= 8; i++) {
      const { address, bookId, bookName } = await wait('an answer', caller.call(1 + ((i - 1) % 2)))
      say(`  ${i}  ${address}  GetBookInfo(${bookId}) → ${bookName}`)
      addresses.push(address)
    }
    return addresses
  } finally {
    await caller[Symbol.asyncDispose]()
  }
}

interface Outcome {
  readonly load: SteadyLoad
  /** What became of each instance, by address, in the order they came. */
  readonly fates: ReadonlyMap<string, string>
  readonly ejectMs: number
}

/** Under a steady load one instance is killed, one stopped, and both are started again. */
async function troubles(stage: Stage, [victim, leaver, steady]: readonly BookInstance[]): Promise<Outcome> {
  const { fleet, caller, say, wait, pause } = stage
  if (victim === undefined || leaver === undefined || steady === undefined) throw failure(exitCodes.failed, 'there are no three instances')
  const load = steadyLoad(async () => (await caller.call(1)).address)
  const began = performance.now()
  const tell = (line: string): void => say(`  ${((performance.now() - began) / 1000).toFixed(1).padStart(4)} s  ${line}`)
  say()
  say(`${style('bold', 'A steady load')} of ${callers} callers, power of two choices:`)
  try {
    await pause(1000)
    const killed = performance.now()
    const out = caller.when((nodes) => !nodes.some((node) => isAt(victim.address)(node) && isReady(node)))
    const gone = caller.when((nodes) => !nodes.some(isAt(victim.address)))
    victim.process.kill('SIGKILL')
    const ejectMs = round((await wait('the killed instance to leave the pick', out)) - killed)
    tell(`${style('red', 'kill -9')}  ${victim.address}: out of the pick after ${ms(ejectMs)}`)

    await pause(700)
    const asked = performance.now()
    leaver.process.kill('SIGTERM')
    await wait('the stopped instance to end', leaver.exited)
    tell(`${style('yellow', 'SIGTERM')}  ${leaver.address}: deregistered, drained and gone after ${ms(performance.now() - asked)}`)

    const back = await wait('two instances to start again', Promise.all([fleet.start(), fleet.start()]))
    for (const { address } of back) {
      await wait(
        `${address} to be in the pick`,
        caller.when((nodes) => nodes.some((node) => isAt(address)(node) && isReady(node))),
      )
      tell(`${style('green', 'started')}  ${address}`)
    }

    const goneAfter = (await wait('the lease of the killed instance to end', gone)) - killed
    tell(`         ${victim.address} left the registry ${ms(goneAfter)} after the kill: its lease of ${lease} s ended`)
    await pause(700)
    const fates = new Map([
      [victim.address, 'killed'],
      [leaver.address, 'stopped'],
      [steady.address, ''],
      ...back.map(({ address }) => [address, 'started again'] as const),
    ])
    return { load, fates, ejectMs }
  } finally {
    await load.stop()
  }
}

function isReady({ state }: NodeStatus): boolean {
  return state === 'ready'
}

function isAt(address: string): (node: NodeStatus) => boolean {
  return ({ instance }) => instance.address === address
}

function round(time: number): number {
  return Math.round(time * 10) / 10
}

function ms(time: number): string {
  return time < 1000 ? `${round(time)} ms` : `${(time / 1000).toFixed(1)} s`
}
