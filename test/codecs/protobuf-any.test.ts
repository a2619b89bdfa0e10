import { create, createFileRegistry, type DescMessage, type Message } from '@bufbuild/protobuf'
import {
  type Any,
  anyPack,
  FileDescriptorSetSchema,
  file_google_protobuf_any,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt'
import { describe, expect, it } from 'vitest'
import { protobufJson } from '../../src/codecs/protobuf.ts'

const text = { label: Label.OPTIONAL, type: Type.STRING }

/** `box.proto` has a message with an `Any`, and imports `thing.proto`. */
const registry = createFileRegistry(
  create(FileDescriptorSetSchema, {
    file: [
      file_google_protobuf_any.proto,
      {
        name: 'thing.proto',
        package: 'box',
        syntax: 'proto3',
        messageType: [{ name: 'Thing', field: [{ name: 'name', jsonName: 'name', number: 1, ...text }] }],
      },
      {
        name: 'box.proto',
        package: 'box',
        syntax: 'proto3',
        dependency: ['google/protobuf/any.proto', 'thing.proto'],
        messageType: [
          {
            name: 'Box',
            field: [
              {
                name: 'inside',
                jsonName: 'inside',
                number: 1,
                label: Label.OPTIONAL,
                type: Type.MESSAGE,
                typeName: '.google.protobuf.Any',
              },
            ],
          },
        ],
      },
    ],
  }),
)
const Box = registry.getMessage('box.Box') as DescMessage
const Thing = registry.getMessage('box.Thing') as DescMessage

describe('protobuf as JSON', () => {
  const json = { inside: { '@type': 'type.googleapis.com/box.Thing', name: 'ball' } }

  it('writes and reads an Any of a type that the file imports', () => {
    const inside = anyPack(Thing, create(Thing, { name: 'ball' }))
    expect(JSON.parse(Buffer.from(protobufJson(Box).encode(create(Box, { inside }))).toString())).toEqual(json)
    expect((protobufJson(Box).decode(Buffer.from(JSON.stringify(json))) as Message & { inside: Any }).inside).toEqual(inside)
  })

  it('names the type of an Any that it cannot know', () => {
    expect(() => protobufJson(Box).decode(Buffer.from(JSON.stringify(json).replace('box.Thing', 'box.Other')))).toThrow(
      /invalid_argument: box\.Box: .*box\.Other/,
    )
  })
})
