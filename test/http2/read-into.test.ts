import { once } from 'node:events'
import net from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { readInto } from '../../src/http2/read-into.ts'
import { until } from '../support/echo.ts'

const server = net.createServer()
let near: net.Socket
let far: net.Socket

/** An accepted socket and the one that connected. */
async function connected(): Promise<void> {
  if (!server.listening) await once(server.listen(0, '127.0.0.1'), 'listening')
  const accepted = once(server, 'connection')
  far = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1')
  near = (await accepted)[0] as net.Socket
}

afterEach(() => {
  near.destroy()
  far.destroy()
  server.close()
})

describe('a socket that was accepted', () => {
  it('reads into the same memory again and again', async () => {
    await connected()
    const memory = Buffer.alloc(16)
    let came = ''
    near.on('data', () => expect.unreachable())
    expect(readInto(near, memory, (length) => (came += memory.toString('latin1', 0, length)))).toBe(true)
    far.write('hello, how are you?')
    await until('all of it', () => came === 'hello, how are you?')
    far.write(' fine')
    await until('the rest', () => came === 'hello, how are you? fine')
  })

  it('does so in the midst of what it reads', async () => {
    await connected()
    const memory = Buffer.alloc(16)
    let came = ''
    near.once('data', (chunk: Buffer) => {
      came = chunk.toString()
      readInto(near, memory, (length) => (came += memory.toString('latin1', 0, length)))
      far.write('b')
    })
    far.write('a')
    await until('both', () => came === 'ab')
  })

  it('can be paused, and ends', async () => {
    await connected()
    const memory = Buffer.alloc(16)
    let came = 0
    near.resume()
    readInto(near, memory, (length) => {
      came += length
      near.pause()
    })
    far.end('x'.repeat(40))
    await until('16 bytes', () => came === 16)
    near.resume()
    await until('32 bytes', () => came === 32)
    const closed = once(near, 'close')
    near.resume()
    await until('40 bytes', () => came === 40)
    near.resume()
    await closed
  })

  it('is left as it is where Node does not do it like that', async () => {
    await connected()
    expect(readInto(new net.Socket(), Buffer.alloc(16), () => {})).toBe(false)
    expect(readInto({} as net.Socket, Buffer.alloc(16), () => {})).toBe(false)
  })
})
