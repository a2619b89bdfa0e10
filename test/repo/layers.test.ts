import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { allowedPackages, importsOf, violations } from './layers.ts'
import { filesUnder, root } from './source.ts'

describe('layers', () => {
  it('are kept by every import in src/', () => {
    expect(violations(filesUnder('src', '.ts'))).toEqual([])
  })

  it('leave room for few dependencies', () => {
    const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: Record<string, string> }
    expect(Object.keys(dependencies).filter((name) => !allowedPackages.includes(name))).toEqual([])
  })

  it.each([
    ['error.ts', `import { a } from './channel.ts'`, 'words may not import engine'],
    ['channel.ts', `import type { A } from './balancers/p2c.ts'`, 'engine may not import balancers'],
    ['balancers/p2c.ts', `import { a } from '../middleware/retry.ts'`, 'balancers may not import middleware'],
    ['balancers/p2c.ts', `import { a } from '../channel.ts'`, 'balancers may not import engine'],
    ['http2/frames.ts', `import { RpcError } from '../error.ts'`, 'http2 may not import words'],
    ['registries/memory.ts', `export { a } from '../etcd/index.ts'`, 'registries may not import etcd'],
    ['dev/server.ts', `import { json } from '../codecs/json.ts'`, 'dev may not import codecs'],
    ['etcd/kv.ts', `import * as grpc from '@grpc/grpc-js'`, '@grpc/grpc-js is not one of the few dependencies'],
    ['http2/socket.ts', `const http2 = await import('node:http2')`, 'the HTTP/2 engine is our own'],
    ['http2/socket.ts', `import net from 'net'`, 'write node:net'],
    ['error.ts', `import pino from 'pino'`, 'pino is not used in this part'],
    ['error.ts', `import '../test/support.ts'`, 'it is no part of src/'],
    ['helpers.ts', '', 'belongs to no part'],
  ])('tell of %s when it says %s', (path, text, why) => {
    expect(violations([{ path, text }])).toEqual([expect.stringContaining(why)])
  })

  it('read imports over several lines and not in comments', () => {
    const text = `/** import { x } from 'comment' */\n// import 'line'\nimport {\n  a,\n  b,\n} from 'many'\nexport * from 'all'\nconst c = import('later')\n`
    expect(importsOf(text)).toEqual(['many', 'all', 'later'])
  })
})
