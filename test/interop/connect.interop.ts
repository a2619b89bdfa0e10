// The conformance suite of Connect against our HTTP/1.1, as far as calls are unary: `tsx test/interop/connect.interop.ts`. Its last line is
// `N passed, M failed`. Needs Go. Left out: streams, which we have over gRPC alone.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const version = 'v1.0.5'
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'beckon/interop', `connectconformance-${version}`)
const program = join(cache, 'connectconformance')
const options = { env: { ...process.env, GOBIN: cache }, encoding: 'utf8' } as const
if (!existsSync(program)) execFileSync('go', ['install', `connectrpc.com/conformance/cmd/connectconformance@${version}`], options)

const features = {
  versions: ['HTTP_VERSION_1'],
  protocols: ['PROTOCOL_CONNECT'],
  codecs: ['CODEC_PROTO', 'CODEC_JSON'],
  compressions: ['COMPRESSION_IDENTITY', 'COMPRESSION_GZIP'],
  stream_types: ['STREAM_TYPE_UNARY'],
  supports_tls: true,
  supports_tls_client_certs: true,
  supports_connect_get: true,
  supports_message_receive_limit: true,
}

const directory = mkdtempSync(join(tmpdir(), 'beckon-connect-'))
const root = fileURLToPath(new URL('../..', import.meta.url))
const inRoot = (path: string): string => join(root, path)
try {
  // The suite's own contracts, from the module, as descriptors.
  const module = JSON.parse(execFileSync('go', ['mod', 'download', '-json', `connectrpc.com/conformance@${version}`], options)) as {
    Dir: string
  }
  const contracts = join(directory, 'contracts.binpb')
  execFileSync(
    process.execPath,
    [inRoot('node_modules/@bufbuild/buf/bin/buf'), 'build', join(module.Dir, 'proto'), '-o', contracts],
    options,
  )
  // JSON is YAML too.
  writeFileSync(join(directory, 'features.yaml'), JSON.stringify({ features }))
  const server = [process.execPath, '--import', 'tsx', inRoot('test/interop/connect/server-child.ts'), contracts]
  const args = ['--mode', 'server', '--conf', join(directory, 'features.yaml'), '--', ...server]
  const { status } = spawnSync(program, args, { cwd: root, stdio: 'inherit' })
  process.exitCode = status ?? 1
} finally {
  rmSync(directory, { recursive: true })
}
