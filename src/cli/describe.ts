import type { Command } from 'commander'
import type { EndpointInfo, Instance, ValueInfo } from '../registry.ts'
import { instancesOf } from './instances.ts'
import { print, printJson, style, table } from './output.ts'
import type { Cli } from './program.ts'

/** `beckon describe`: the instances of a service and what they offer. */
export function describeCommand(program: Command, cli: Cli): void {
  program
    .command('describe')
    .argument('<service>', 'name it is registered under')
    .description('show the instances of a service, and its methods')
    .addHelpText('after', '\nExample:\n  $ beckon describe hello.srv.say\n')
    .action((service: string) => describe(cli, service))
}

async function describe(cli: Cli, service: string): Promise<void> {
  const { registry } = cli.settings()
  const instances = await instancesOf(registry, service)
  if (cli.json) printJson({ service, registry: registry.name, instances })
  else {
    const count = instances.length === 1 ? '1 instance' : `${instances.length} instances`
    print(`${style('bold', service)}  ${count} in ${registry.name}`)
    print()
    for (const line of table(['ID', 'ADDRESS', 'VERSION', 'METADATA'], instances.map(rowOf))) print(line)
    printMethods(instances)
  }
  await registry.close()
}

function rowOf({ id, address, version, weight, zone, metadata }: Instance): readonly string[] {
  const pairs = Object.entries({
    ...(weight !== undefined && { weight: String(weight) }),
    ...(zone !== undefined && { zone }),
    ...metadata,
  })
  return [id, address, version ?? '-', pairs.map(([name, value]) => `${name}=${value}`).join(' ')]
}

function printMethods(instances: readonly Instance[]): void {
  const methods = methodsOf(instances)
  if (methods.length === 0) return
  print()
  const rows = methods.map(({ name, request, response, metadata }) => [
    name,
    messageText(request),
    `${metadata?.stream === 'true' ? 'stream ' : ''}${messageText(response)}`,
  ])
  for (const line of table(['METHOD', 'REQUEST', 'RESPONSE'], rows)) print(line)
}

/** The methods that any of the instances has, each once, by name. */
export function methodsOf(instances: readonly Instance[]): readonly EndpointInfo[] {
  const all = new Map(instances.flatMap((instance) => instance.endpoints ?? []).map((endpoint) => [endpoint.name, endpoint]))
  return [...all.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** A message as one line: `HelloRequest{from string, to string}`. */
function messageText(message: ValueInfo | undefined): string {
  if (message === undefined) return '-'
  return `${message.type}${fieldsText(message.values)}`
}

function fieldsText(values: readonly ValueInfo[] | undefined): string {
  if (values === undefined || values.length === 0) return ''
  return `{${values.map(({ name, type, values: inner }) => `${name} ${type}${fieldsText(inner)}`).join(', ')}}`
}
