import { once } from 'node:events'
import type { Command } from 'commander'
import { startRegistry } from '../dev/index.ts'
import { RpcError } from '../error.ts'
import { exitCodes, failure } from './exit.ts'
import { print, printJson, style } from './output.ts'
import type { Cli } from './program.ts'
import { stopSignal } from './stop.ts'

interface DevOptions {
  readonly address?: string
  readonly port?: string
}

/** `beckon dev`: the embedded registry. */
export function devCommand(program: Command, cli: Cli): void {
  program
    .command('dev')
    .description('run a registry for development: one node, in memory, speaking the etcd v3 API')
    .option('--address <host:port>', 'where to listen (default: 127.0.0.1:2379)')
    .option('-p, --port <n>', 'port on 127.0.0.1 to listen on; 0 takes a free one')
    .addHelpText('after', '\nExample:\n  $ beckon dev --port 12379\n')
    .action((options: DevOptions) => dev(cli, options))
}

async function dev(cli: Cli, options: DevOptions): Promise<void> {
  const address = addressOf(options)
  const stop = stopSignal()
  const registry = await startRegistry({ address }).catch((thrown: unknown) => {
    throw explained(address, thrown)
  })
  if (cli.json) printJson({ address: registry.address, url: registry.url })
  else greet(registry.address, registry.url)
  if (!stop.aborted) await once(stop, 'abort')
  await registry.close()
}

function addressOf({ address, port }: DevOptions): string {
  if (address !== undefined && port !== undefined) throw failure(exitCodes.usage, 'give --address or --port, not both')
  if (port !== undefined && !(/^\d{1,5}$/.test(port) && Number(port) <= 65535))
    throw failure(exitCodes.usage, `--port: must be a number 0 … 65535, got ${JSON.stringify(port)}`)
  return address ?? `127.0.0.1:${port ?? 2379}`
}

function explained(address: string, thrown: unknown): Error {
  const error = RpcError.from(thrown)
  const taken = [error, error.cause].some((one) => (one as NodeJS.ErrnoException | undefined)?.code === 'EADDRINUSE')
  if (!taken && !error.message.includes('EADDRINUSE')) return error
  return failure(
    exitCodes.failed,
    `${address} is in use, perhaps by an etcd or another "beckon dev": then services can already use it`,
    'Choose another port: beckon dev --port 12379 (0 takes a free one)',
  )
}

function greet(address: string, url: string): void {
  print(`${style('bold', 'A registry for development')} listens on ${style('green', address)}. It keeps nothing when it ends (Ctrl-C).`)
  print()
  if (address === '127.0.0.1:2379') print('  Services and "beckon" use this address by default.')
  else {
    print(`  Services    BECKON_REGISTRY=${url}`)
    print(`              or --registry_address=${address}, or MICRO_REGISTRY_ADDRESS=${address}`)
  }
  print(`  etcdctl     ETCDCTL_API=3 etcdctl --endpoints=${address} get --prefix /micro/registry/`)
}
