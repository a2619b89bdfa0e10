import { defineConfig, mergeConfig } from 'vitest/config'
import base from '../../vitest.config.ts'

/** The faults, and the tests of other folders that are faults too (docs/reliability.md says which). */
const include = [
  'test/faults/**/*.fault.ts',
  'test/etcd/{faults,auth-faults,fake}.test.ts',
  'test/registries/etcd/{healing,claiming,staleness}.test.ts',
  'test/registries/etcd-v2/{healing,watching}.test.ts',
]

export default mergeConfig(
  { ...base, test: { ...base.test, include } },
  defineConfig({ test: { testTimeout: 90_000, maxWorkers: 2, maxConcurrency: 4 } }),
)
