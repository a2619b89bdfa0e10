// go-kit, go-micro, go-zero, kratos, kitex, rpcx and etcd's gRPC resolver against us: `tsx test/interop/go.interop.ts`. Its last line is
// `N passed, M failed`. Needs Go and etcd. go-micro is of versions 2.9.1, 3.7.1, 4.11.0 and 5.12.0, and 1.10.0 for etcd's v2 API. Of version 6 only the
// order of a record's fields is tested, in test/registries/etcd/layouts/go-micro.test.ts.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))
const config = fileURLToPath(new URL('go/vitest.config.ts', import.meta.url))
const { status } = spawnSync(process.execPath, [vitest, 'run', '--config', config, ...process.argv.slice(2)], {
  cwd: fileURLToPath(new URL('../..', import.meta.url)),
  stdio: 'inherit',
  env: { ...process.env, BECKON_REQUIRE_SERVERS: '1' },
})
process.exitCode = status ?? 1
