import base from '../../../vitest.config.ts'

const { resolve, test } = base as { resolve: object; test: object }

/** The tests that need Go, which the others do not. */
export default { resolve, test: { ...test, include: ['test/interop/go/*.peer.ts'], hookTimeout: 600_000 } }
