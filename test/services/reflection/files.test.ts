import { create, createFileRegistry, type DescService, fromBinary } from '@bufbuild/protobuf'
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt'
import { describe, expect, it } from 'vitest'
import { type FileIndex, indexFiles } from '../../../src/services/reflection/files.ts'

/** `shop.proto` has the service and imports `base.proto` and `more.proto`, which extends a message of `base.proto`. */
function shop(): FileIndex {
  const text = { label: Label.OPTIONAL, type: Type.STRING }
  const set = create(FileDescriptorSetSchema, {
    file: [
      {
        name: 'base.proto',
        package: 'shop',
        syntax: 'proto2',
        messageType: [{ name: 'Item', field: [{ name: 'id', number: 1, ...text }], extensionRange: [{ start: 100, end: 200 }] }],
        enumType: [{ name: 'Colour', value: [{ name: 'RED', number: 0 }] }],
      },
      {
        name: 'more.proto',
        package: 'shop.more',
        syntax: 'proto2',
        dependency: ['base.proto'],
        extension: [120, 110].map((number) => ({ name: `extra${number}`, number, extendee: '.shop.Item', ...text })),
      },
      {
        name: 'shop.proto',
        package: 'shop',
        syntax: 'proto2',
        dependency: ['base.proto', 'more.proto'],
        service: [{ name: 'Shop', method: [{ name: 'Buy', inputType: '.shop.Item', outputType: '.shop.Item' }] }],
      },
    ],
  })
  return indexFiles([createFileRegistry(set).getService('shop.Shop') as DescService])
}

describe('the index of files', () => {
  it('gives a file before those it imports, each once', () => {
    expect(shop().withImports('shop.proto')).toEqual(['shop.proto', 'base.proto', 'more.proto'])
    expect(shop().withImports('more.proto')).toEqual(['more.proto', 'base.proto'])
    expect(fromBinary(FileDescriptorProtoSchema, shop().bytes('more.proto')).dependency).toEqual(['base.proto'])
  })

  it.each([
    ['shop.Shop', 'shop.proto'],
    ['shop.Shop.Buy', 'shop.proto'],
    ['shop.Item', 'base.proto'],
    ['shop.Item.id', 'base.proto'],
    ['shop.Colour', 'base.proto'],
    ['shop.RED', 'base.proto'],
    ['shop.more.extra110', 'more.proto'],
    ['shop.Colour.RED', undefined],
    ['shop', undefined],
  ])('finds %s in %s', (name, file) => {
    expect(shop().symbol(name)).toBe(file)
  })

  it('knows the extensions of a message, by numbers', () => {
    expect(shop().extensions('shop.Item')).toEqual([110, 120])
    expect(shop().extension('shop.Item', 120)).toBe('more.proto')
    expect(shop().extension('shop.Item', 130)).toBeUndefined()
    expect(shop().extensions('shop.Nothing')).toBeUndefined()
  })
})
