import { describe, expect, it } from 'vitest'
import { changesBetween } from '../../src/cli/changes.ts'
import { instancesOf } from '../../src/instances.ts'
import type { Instance } from '../../src/registry.ts'

const at = (id: string, more: Partial<Instance> = {}): Instance => ({ id, service: 's', address: `10.0.0.1:${id}`, ...more })

describe('changesBetween', () => {
  it('tells who went, who came and what changed', () => {
    const before = instancesOf([at('1'), at('2', { version: '1', metadata: { a: 'b' } }), at('3')])
    const after = instancesOf([at('2', { version: '2', metadata: { a: 'b' } }), at('3'), at('4')])
    expect(changesBetween(before, after).map(({ change, instance, fields }) => [change, instance.id, fields])).toEqual([
      ['removed', '1', []],
      ['changed', '2', ['version']],
      ['added', '4', []],
    ])
  })

  it('is empty for equal sets', () => {
    expect(changesBetween(instancesOf([at('1', { metadata: { a: 'b' } })]), instancesOf([at('1', { metadata: { a: 'b' } })]))).toEqual([])
  })
})
