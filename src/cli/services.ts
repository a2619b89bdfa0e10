import type { Command } from 'commander'
import { ask } from './exit.ts'
import { firstSet } from './instances.ts'
import { note, print, printJson, table } from './output.ts'
import type { Cli } from './program.ts'

/** `beckon services`: what is registered. */
export function servicesCommand(program: Command, cli: Cli): void {
  program
    .command('services')
    .description('list the services that have an instance')
    .addHelpText('after', '\nExample:\n  $ beckon services --registry_address=10.0.0.1:2379\n')
    .action(() => services(cli))
}

async function services(cli: Cli): Promise<void> {
  const { registry, registryUrl } = cli.settings()
  const names = await ask(registry, registry.services())
  const found = await ask(
    registry,
    Promise.all(
      names.map(async (name) => {
        const instances = await firstSet(registry, name)
        const versions = [...new Set(instances.flatMap((instance) => instance.version ?? []))].sort()
        return { name, instances: instances.length, versions }
      }),
    ),
  )
  if (cli.json) printJson({ registry: registry.name, services: found })
  else if (found.length === 0) note(`No services in ${registry.name}.${nameless(registryUrl)}`)
  else {
    const rows = found.map(({ name, instances, versions }) => [name, String(instances), versions.join(', ')])
    for (const line of table(['SERVICE', 'INSTANCES', 'VERSIONS'], rows)) print(line)
  }
  await registry.close()
}

/** What to say where services cannot be listed: a prefix of go-kit's holds instances without the name of their service. */
export function nameless(registryUrl: string): string {
  if (!registryUrl.includes('layout=go-kit') || registryUrl.includes('{service}')) return ''
  return ' A go-kit prefix without {service} does not tell services apart: name one, as in "beckon describe <service>".'
}
