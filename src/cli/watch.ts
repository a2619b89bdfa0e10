import type { Command } from 'commander'
import { sleep, systemClock } from '../clock.ts'
import { nobody } from '../instances.ts'
import type { Registry } from '../registry.ts'
import { type Change, changesBetween } from './changes.ts'
import { ask } from './exit.ts'
import { firstSet } from './instances.ts'
import { note, print, printJson, style } from './output.ts'
import type { Cli } from './program.ts'
import { nameless } from './services.ts'
import { stopSignal } from './stop.ts'

/** How often to look for services that were not there before, in milliseconds. */
const lookAgain = 1000

/** `beckon watch`: instances as they come and go. */
export function watchCommand(program: Command, cli: Cli): void {
  program
    .command('watch')
    .argument('[service]', 'name it is registered under; all services without one')
    .description('show instances as they come (+), go (-) and change (~), beginning with those that are there')
    .addHelpText('after', '\nExample:\n  $ beckon watch hello.srv.say --json | jq .change\n')
    .action((service?: string) => watch(cli, service))
}

async function watch(cli: Cli, service: string | undefined): Promise<void> {
  const { registry, registryUrl } = cli.settings()
  const stop = stopSignal()
  await ask<unknown>(registry, service === undefined ? registry.services() : firstSet(registry, service))
  const follow = follower(registry, cli.json ? printEvent : printLine)
  if (service !== undefined) {
    follow(service)
    if (!stop.aborted) await new Promise((resolve) => stop.addEventListener('abort', resolve))
  } else {
    if (nameless(registryUrl) !== '') note(nameless(registryUrl).trim())
    while (!stop.aborted) {
      // When the registry is out of reach, the watches say so.
      for (const name of await registry.services().catch(() => [])) follow(name)
      await sleep(systemClock, lookAgain, { signal: stop, keepAlive: true }).catch(() => {})
    }
  }
  await registry.close()
}

/** Follows each service it is given, once, and tells its changes. */
function follower(registry: Registry, tell: (change: Change) => void): (service: string) => void {
  const followed = new Set<string>()
  let stale = false
  return (service) => {
    if (followed.has(service)) return
    followed.add(service)
    let before = nobody
    registry.watch(service, {
      update(all) {
        for (const change of changesBetween(before, all)) tell(change)
        before = all
        stale = false
      },
      error(error) {
        // All services hear of the same outage.
        if (!stale) note(`beckon: ${error.message} (until it answers, what is shown may be stale)`)
        stale = true
      },
    })
  }
}

function printEvent({ change, instance, fields }: Change): void {
  const { service, id, address } = instance
  printJson({ time: new Date().toISOString(), change, service, id, address, ...(fields.length > 0 && { fields }), instance })
}

const signs = {
  added: style('green', '+'),
  removed: style('red', '-'),
  changed: style('yellow', '~'),
} as const

function printLine({ change, instance, fields }: Change): void {
  const { service, id, address } = instance
  const time = new Date().toTimeString().slice(0, 8)
  const what = fields.length === 0 ? '' : style('dim', `  ${fields.join(', ')}`)
  print(`${style('dim', time)}  ${signs[change]}  ${service}  ${id}  ${address}${what}`)
}
