import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tls from 'node:tls'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { readInto } from '../../src/http2/read-into.ts'
import { makeCertificates } from '../support/certificates.ts'
import { until } from '../support/echo.ts'

const directory = mkdtempSync(join(tmpdir(), 'beckon-read-into-'))
const { ca, cert, key } = makeCertificates(directory)
let server: net.Server
let near: net.Socket
let far: net.Socket

afterAll(() => rmSync(directory, { recursive: true }))

afterEach(() => {
  near.destroy()
  far.destroy()
  server.close()
})

/** An accepted socket and the one that connected. */
async function connected(how: string): Promise<void> {
  const secure = how === 'over TLS'
  server = secure ? tls.createServer({ cert, key }) : net.createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const accepted = once(server, secure ? 'secureConnection' : 'connection')
  const { port } = server.address() as net.AddressInfo
  far = secure ? tls.connect({ port, host: '127.0.0.1', ca }) : net.connect(port, '127.0.0.1')
  near = (await accepted)[0] as net.Socket
}

describe.each(['in plain text', 'over TLS'])('a socket that was accepted, %s', (how) => {
  it('reads into the same memory again and again', async () => {
    await connected(how)
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
    await connected(how)
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

  it('ends', async () => {
    await connected(how)
    const memory = Buffer.alloc(16)
    let came = 0
    near.resume()
    readInto(near, memory, (length) => (came += length))
    const closed = once(near, 'close')
    far.end('x'.repeat(40))
    await closed
    expect(came).toBe(40)
  })

  it('is left as it is where Node does not do it like that', async () => {
    await connected(how)
    expect(readInto(new net.Socket(), Buffer.alloc(16), () => {})).toBe(false)
    expect(readInto({} as net.Socket, Buffer.alloc(16), () => {})).toBe(false)
  })
})

describe('a socket that was accepted', () => {
  it('can be paused, and ends', async () => {
    await connected('in plain text')
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
})
