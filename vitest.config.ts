import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const src = fileURLToPath(new URL('src', import.meta.url))

export default defineConfig({
  resolve: {
    // Examples import the package by its name, as a user does; in tests that is the source.
    alias: [
      { find: /^beckon$/, replacement: `${src}/index.ts` },
      { find: /^beckon\/(etcd|dev|testing)$/, replacement: `${src}/$1/index.ts` },
      { find: /^beckon\/(.+)$/, replacement: `${src}/$1.ts` },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    // Most tests wait for sockets and leases, not for the processor.
    maxWorkers: 4,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 20_000 } },
    reporters: ['default', './scripts/summary.ts'],
  },
})
