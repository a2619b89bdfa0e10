import { startRegistry } from '../../dev/index.ts'
import type { Registry } from '../../registry.ts'
import { registryFromUrl } from '../../registry-url.ts'
import { ask, exitCodes, failure } from '../exit.ts'
import { firstSet } from '../instances.ts'
import type { Cli } from '../program.ts'
import { startOwnEtcd } from './own-etcd.ts'
import { onPath } from './path.ts'

/** The registry of one run of the demo. */
export interface DemoRegistry {
  readonly kind: 'etcd' | 'embedded'
  /** For the user: which one it is, and why. */
  readonly about: string
  readonly registry: Registry
  /** What instances are started with to find it. */
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  close(): Promise<void>
}

/** Name under which the book example registers. */
export const serviceName = 'book.BookService'

const layout = 'layout=go-kit&prefix=/services/book/'

/** The registry that flags or environment name; else an etcd from the PATH, started for this run; else the embedded one. */
export async function demoRegistry(cli: Cli): Promise<DemoRegistry> {
  if (isNamed(cli.given)) return named(cli)
  const program = onPath('etcd')
  if (program === undefined) return embedded('there is no etcd on the PATH')
  const own = await startOwnEtcd(program).catch((error: Error) => error)
  if (own instanceof Error) return embedded(`${program} cannot be used: ${own.message}`)
  return ownRegistry('etcd', `etcd ${own.version} from the PATH, started for this demo at ${own.address}`, own.address, own.close)
}

function isNamed(given: readonly string[]): boolean {
  const { BECKON_REGISTRY, MICRO_REGISTRY, MICRO_REGISTRY_ADDRESS } = process.env
  return (
    given.some((one) => /^--registry([_-]address)?(=|$)/.test(one)) ||
    [BECKON_REGISTRY, MICRO_REGISTRY, MICRO_REGISTRY_ADDRESS].some(Boolean)
  )
}

async function named(cli: Cli): Promise<DemoRegistry> {
  const { registry, registryUrl } = cli.settings(layout)
  if (!registryUrl.startsWith('etcd:'))
    throw failure(exitCodes.usage, `the demo needs a registry that its processes can register in; ${registryUrl} is none`)
  await ask(registry, firstSet(registry, serviceName))
  return {
    kind: 'etcd',
    about: `${registry.name}, as flags or environment say`,
    registry,
    args: cli.given,
    env: environment(),
    close: () => registry.close(),
  }
}

async function embedded(why: string): Promise<DemoRegistry> {
  const server = await startRegistry()
  return ownRegistry('embedded', `the embedded one at ${server.address}, because ${why}`, server.address, () => server.close())
}

function ownRegistry(kind: DemoRegistry['kind'], about: string, address: string, end: () => Promise<void>): DemoRegistry {
  const url = `etcd://${address}?${layout}`
  const registry = registryFromUrl(url)
  return {
    kind,
    about,
    registry,
    args: [],
    env: { ...environment(), BECKON_REGISTRY: url },
    async close() {
      await registry.close()
      await end()
    },
  }
}

/** The environment without what would make three instances the same one. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('MICRO_SERVER_')))
}
