import { readFileSync } from 'node:fs'
import { grpc } from '../../src/transports/grpc.ts'
import { cases } from './grpc-cases.ts'
import { keepaliveBackOff } from './keepalive-back-off.ts'
import { peer, run, start } from './process.ts'
import { program } from './programs.ts'
import type { Outcome, Suite, Tools } from './suite.ts'

/**
 * Cases of grpc-go's client. Left out, with their reasons:
 * - compute_engine_creds, service_account_creds, jwt_token_creds, per_rpc_creds, oauth2_auth_token, google_default_credentials,
 *   compute_engine_channel_credentials: need accounts at Google;
 * - orca_per_rpc, orca_oob: reports of load, which are not part of gRPC itself and which we do not make;
 * - client_compressed_unary and the like: grpc-go has none. Compression is in the conformance suite.
 */
const clientCases = [
  'empty_unary',
  'large_unary',
  'client_streaming',
  'server_streaming',
  'ping_pong',
  'empty_stream',
  'timeout_on_sleeping_server',
  'cancel_after_begin',
  'cancel_after_first_response',
  'status_code_and_message',
  'special_status_message',
  'custom_metadata',
  'unimplemented_method',
  'unimplemented_service',
  'pick_first_unary',
  'rpc_soak',
  'channel_soak',
]

/** grpc-go's own interop client against our server. https://github.com/grpc/grpc-go/tree/master/interop */
export function goClient(tls: boolean): Suite {
  return {
    name: `grpc-go's client ${tls ? 'over TLS' : 'in plain text'}`,
    async run({ files }) {
      const [node, ...args] = peer('grpc-server')
      const server = await start(node, tls ? [...args, files.cert, files.key] : args)
      const port = server.first.slice(server.first.lastIndexOf(':') + 1)
      const flags = ['--server_host=127.0.0.1', `--server_port=${port}`, '--soak_per_iteration_max_acceptable_latency_ms=10000']
      if (tls) flags.push('--use_tls', '--use_test_ca', `--ca_file=${files.ca}`, '--server_host_override=localhost')
      try {
        return await outcomeOf(clientCases, async (name) => {
          const { code, output } = await run(program('client'), [...flags, `--test_case=${name}`], 30_000)
          if (code !== 0) throw new Error(output)
        })
      } finally {
        await server.stop()
      }
    },
  }
}

/** Our client against grpc-go's own interop server. */
export function goServer(tls: boolean): Suite {
  return {
    name: `grpc-go's server ${tls ? 'over TLS' : 'in plain text'}`,
    async run({ files }: Tools) {
      const flags = tls ? ['--use_tls', `--tls_cert_file=${files.cert}`, `--tls_key_file=${files.key}`] : []
      const server = await start(program('server'), ['--port=0', ...flags], /interop server listening on/, {
        GRPC_GO_LOG_SEVERITY_LEVEL: 'info',
      })
      const port = server.first.slice(server.first.lastIndexOf(':') + 1)
      const transport = tls ? grpc({ tls: { ca: readFileSync(files.ca) } }) : grpc()
      try {
        const outcome = await outcomeOf(Object.keys(cases), async (name) => cases[name]?.({ addresses: [`127.0.0.1:${port}`], transport }))
        if (tls) return outcome
        const backOff = await outcomeOf(['keepalive back-off'], () => keepaliveBackOff(`127.0.0.1:${port}`))
        return { passed: outcome.passed + backOff.passed, failures: [...outcome.failures, ...backOff.failures] }
      } finally {
        await server.stop()
      }
    },
  }
}

async function outcomeOf(names: readonly string[], attempt: (name: string) => Promise<void>): Promise<Outcome> {
  const failures: string[] = []
  for (const name of names)
    await attempt(name).catch((error: Error) => {
      failures.push(`${name}: ${error.message}`)
    })
  return { passed: names.length - failures.length, failures }
}
