import { type DescMessage, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf'

/** Messages on stdin, each after its length in four bytes. */
export async function* read<D extends DescMessage>(schema: D): AsyncGenerator<MessageShape<D>> {
  let buffered = Buffer.alloc(0)
  for await (const chunk of process.stdin) {
    buffered = Buffer.concat([buffered, chunk as Buffer])
    while (buffered.length >= 4 && buffered.length >= 4 + buffered.readUInt32BE(0)) {
      const end = 4 + buffered.readUInt32BE(0)
      yield fromBinary(schema, buffered.subarray(4, end))
      buffered = buffered.subarray(end)
    }
  }
}

/** Writes one to stdout. */
export function write<D extends DescMessage>(schema: D, message: MessageShape<D>): void {
  const bytes = toBinary(schema, message)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  process.stdout.write(Buffer.concat([length, bytes]))
}
