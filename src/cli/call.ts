import { once } from 'node:events'
import type { Command } from 'commander'
import { RpcError } from '../error.ts'
import { type CallOptions, createChannel, createClient } from '../index.ts'
import type { Instance } from '../registry.ts'
import { milliseconds } from '../registry-url.ts'
import type { Method, Service } from '../service.ts'
import { streamsResponse } from '../stream.ts'
import { grpc } from '../transports/grpc.ts'
import { mucp } from '../transports/mucp.ts'
import { headersOf } from './call/headers.ts'
import { requestOf } from './call/input.ts'
import { methodNamed } from './call/method.ts'
import { reflectedMethod } from './call/reflection.ts'
import { methodsOf } from './describe.ts'
import { isFailure } from './exit.ts'
import { instancesOf } from './instances.ts'
import { print, printJson } from './output.ts'
import type { Cli } from './program.ts'
import { stopped, stopSignal } from './stop.ts'

interface Options {
  readonly proto?: string
  readonly include?: readonly string[]
  readonly header?: readonly string[]
  readonly timeout?: string
}

/** `beckon call`: one call, of any kind. */
export function callCommand(program: Command, cli: Cli): void {
  const collect = (value: string, all: readonly string[] = []): readonly string[] => [...all, value]
  program
    .command('call')
    .argument('<service>', 'name it is registered under')
    .argument('<method>', 'as Greeter.Hello, Hello or hello.Greeter/Hello')
    .argument('[json]', 'the request, by default {}; "-" reads it from stdin, a stream of requests one message per line')
    .description('call a method and print what it answers')
    .option(
      '--proto <file>',
      'the contract, where the server does not tell it by reflection; without either, and to instances that speak mucp, messages travel as JSON',
    )
    .option('-I, --include <directory>', 'where the contract finds its imports; may be repeated', collect)
    .option('-H, --header <name=value>', 'metadata to send, base64 where the name ends in -bin; may be repeated', collect)
    .option('--timeout <time>', 'as 500ms, 5s or 1m (default: 10s, none where the answer is a stream)')
    .addHelpText('after', examples)
    .action((service: string, name: string, json: string | undefined, options: Options) => call(cli, service, name, json, options))
}

const examples = `
Examples:
  $ beckon call hello.srv.say Greeter.Hello '{"from":"me","msg":"hi"}'
  $ beckon call hello.srv.say hello.Greeter/Hello '{"from":"me"}' --proto proto/hello.proto --timeout 2s
`

/** How long a server may take to say what it is, in milliseconds. */
const patience = 2000

async function call(cli: Cli, service: string, name: string, json: string | undefined, options: Options): Promise<void> {
  const headers = headersOf(options.header ?? [])
  const time = options.timeout === undefined ? {} : { timeout: milliseconds(options.timeout, '--timeout') }
  const contract = options.proto === undefined ? undefined : await import('./call/proto.ts')
  const declared = await contract?.protoMethod(options.proto ?? '', options.include ?? [], name)

  const { registry, client } = cli.settings()
  const instances = await instancesOf(registry, service)
  const stop = stopSignal()
  const channel = createChannel({ service, registry, transport: [grpc(), mucp({ json: true })] })
  const asking = { headers, signal: stop, timeout: Math.min(time.timeout ?? patience, patience) }
  const reflected = async (): Promise<Method | undefined> =>
    instances.every(speaksMucp) ? undefined : reflectedMethod(channel, name, asking)
  const method = declared ?? (await reflected()) ?? methodNamed(name, service, methodsOf(instances))
  const request = await requestOf(method.kind, json)

  const caller = callerOf(method, { ...client, channel })
  try {
    const answer = caller.call(request, { headers, signal: stop, ...time })
    if (streamsResponse(method.kind)) await printAll(answer as AsyncIterable<unknown>)
    else if (cli.json) printJson(await answer)
    else print(JSON.stringify(await answer, undefined, 2))
  } catch (thrown) {
    if (stop.aborted) throw stopped(stop)
    // What stdin had for a stream of requests may be at fault rather than the call.
    const { cause } = thrown as Error
    throw isFailure(cause) ? cause : RpcError.from(thrown)
  }
  await channel.close()
  await registry.close()
}

/** Nobody who speaks go-micro's own protocol has gRPC's reflection. */
function speaksMucp({ metadata }: Instance): boolean {
  return metadata?.protocol === 'mucp'
}

/** No faster than its reader takes it, whose pace is then the server's. */
async function printAll(messages: AsyncIterable<unknown>): Promise<void> {
  for await (const message of messages) {
    printJson(message)
    if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain')
  }
}

interface Caller {
  call(request: unknown, options: CallOptions): Promise<unknown> | AsyncIterable<unknown>
}

/** A client of the one method. */
function callerOf(method: Method, options: Parameters<typeof createClient>[1]): Caller {
  const service: Service = { name: method.service, methods: { call: method } }
  return createClient(service, options) as unknown as Caller
}
