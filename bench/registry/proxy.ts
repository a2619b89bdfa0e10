import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Passes bytes on between one listener and etcd, and counts those towards the listener. */
export interface CountingProxy {
  readonly address: string
  readonly received: number
  close(): void
}

/** Stands before `target`, a `host:port`. */
export async function countingProxy(target: string): Promise<CountingProxy> {
  const [host, port] = target.split(':')
  const sockets = new Set<Socket>()
  let received = 0
  const server = createServer((near) => {
    const far = connect({ host: host ?? '', port: Number(port) })
    far.on('data', (chunk) => {
      received += chunk.length
    })
    near.pipe(far).pipe(near)
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get received() {
      return received
    },
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
