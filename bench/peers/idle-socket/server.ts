import { type AddressInfo, createServer } from 'node:net'
import { serving } from '../../harness/peer.ts'

/** What a connection takes before anybody speaks a protocol on it. */
const server = createServer((socket) => {
  socket.on('data', (chunk) => socket.write(chunk))
})
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => serving(String((server.address() as AddressInfo).port)))
