import { describe, it } from 'vitest'
import { transportSuite } from '../../src/testing/transport.ts'
import { grpc } from '../../src/transports/grpc.ts'

describe('grpc', () => {
  for (const { name, run } of transportSuite({ create: () => grpc() })) it(name, run)
})

describe('grpc with compression', () => {
  for (const { name, run } of transportSuite({ create: () => grpc({ compression: 'gzip' }) })) it(name, run)
})

describe('grpc with the smallest windows', () => {
  const create = () => grpc({ streamWindow: 65_535, connectionWindow: 1_048_576, maxReceiveBytes: 30_000_000 })
  for (const { name, run } of transportSuite({ create, limit: 30_000_000 })) it(name, run)
})
