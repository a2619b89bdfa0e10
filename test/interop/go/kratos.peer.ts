import { describe, expect, it } from 'vitest'
import { kratos } from '../../../src/registries/etcd.ts'
import { memory } from '../../../src/registries/memory.ts'
import { startEcho } from '../../support/echo.ts'
import { between } from './program.ts'

const { program } = between('kratos')

describe('a kratos client', () => {
  it('reads our record, would write it byte for byte, and calls the instance in it', async () => {
    const server = await startEcho({ who: 'ours', registry: memory() })
    await using peer = await program()
    const instance = {
      id: 'a',
      service: 'echo',
      address: server.address,
      version: '1.2',
      weight: 3,
      zone: 'z',
      metadata: { b: 'ü <&>', a: '' },
    }
    const record = kratos().encode(instance)
    expect(await peer.ask(record)).toEqual({ record, text: 'ours' })
    expect(kratos().decode('/microservices/echo/a', record, 'echo')).toMatchObject([instance])
    await server.close()
  })
})
