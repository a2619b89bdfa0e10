import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { type Flags, flagNames, flags } from '../flags.ts'
import { silent } from '../logger.ts'
import { callCommand } from './call.ts'
import { demoCommand } from './demo.ts'
import { describeCommand } from './describe.ts'
import { devCommand } from './dev.ts'
import { exitCodes, failure, report } from './exit.ts'
import { note } from './output.ts'
import { servicesCommand } from './services.ts'
import { watchCommand } from './watch.ts'

/** What the commands share. */
export interface Cli {
  /** The arguments that are flags of `beckon/flags`, as given. */
  readonly given: readonly string[]
  /** Whether output is for scripts. */
  readonly json: boolean
  /** Reads the flags and the environment; `registryDefaults` as in {@link flags}. */
  settings(registryDefaults?: string): Flags
}

/** Runs the `beckon` command; resolves with its exit code, having told on stderr what went wrong. */
export async function run(argv: readonly string[]): Promise<number> {
  try {
    const { rest } = flags({ argv, env: {} })
    await programOf(argv, rest).parseAsync([...rest], { from: 'user' })
    return exitCodes.ok
  } catch (thrown) {
    if (thrown instanceof CommanderError) return usage(thrown)
    return report(thrown)
  }
}

function programOf(argv: readonly string[], rest: readonly string[]): Command {
  const program = new Command('beckon')
  const cli: Cli = {
    given: without(argv, rest),
    get json() {
      return program.opts<{ json?: boolean }>().json ?? false
    },
    settings: (registryDefaults) => flags({ argv, logger, ...(registryDefaults !== undefined && { registryDefaults }) }),
  }
  program
    .description('Services that find each other: look into a registry, call what is there, run one for development.')
    .version(version(), '-V, --version', 'print the version')
    .option('--json', 'output for scripts: JSON on stdout, one document or one line per event')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error:/, 'beckon:')) })
    .showSuggestionAfterError()
    .addHelpText('after', help)
    .exitOverride()
  for (const add of [devCommand, servicesCommand, describeCommand, watchCommand, callCommand, demoCommand]) add(program, cli)
  for (const command of program.commands) if (command.name() !== 'dev') command.addHelpText('after', whereTheRegistryIs)
  return program
}

/** Commander has printed what was wrong; asking for help or the version is not. */
function usage({ exitCode }: CommanderError): number {
  return exitCode === 0 ? exitCodes.ok : exitCodes.usage
}

const help = `
Registry (flags go anywhere on the line; each is also a variable, MICRO_ before its name in upper case):
  --registry_address=host:port,…   etcd's addresses, default 127.0.0.1:2379
  --registry=<name or URL>         etcd, or a whole registry URL, as in BECKON_REGISTRY:
                                   etcd://user:password@h1:2379,h2:2379?layout=go-kit&prefix=/services/book/
  Also: ${flagNames
    .slice(2)
    .map((name) => `--${name}`)
    .join(' ')
    .replace(/(.{1,72})(?: |$)/g, '$1\n        ')
    .trimEnd()}

Exit codes: 0 done; 1 the call or the command failed; 2 wrong usage; 3 no such service, method or instance; 4 the registry cannot be asked.

Example:
  $ beckon dev &
  $ beckon services
`

const whereTheRegistryIs = `
Registry: --registry_address=host:port,… or BECKON_REGISTRY=<URL>. More: beckon --help
`

/** Trouble that a registry meets on the way, such as a malformed record, is told on stderr. */
const logger = {
  ...silent,
  warn: (_fields: object, message: string) => note(`beckon: ${message}`),
  error: (_fields: object, message: string) => note(`beckon: ${message}`),
}

/** What of `all` is not in `some`, which has the same order. */
function without(all: readonly string[], some: readonly string[]): readonly string[] {
  let next = 0
  return all.filter((one) => {
    if (one !== some[next]) return true
    next++
    return false
  })
}

function version(): string {
  const { version: text } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version?: unknown }
  if (typeof text !== 'string') throw failure(exitCodes.failed, 'package.json has no version')
  return text
}
