import { type AddressInfo, createServer } from 'node:net'
import { answer, serving } from '../../harness/peer.ts'
import { input, output, receiver, sender } from './frames.ts'

const server = createServer({ noDelay: true }, (socket) => {
  const send = sender(socket, output)
  socket.on(
    'data',
    receiver(input, (id, request) => send(id, answer(request))),
  )
})
server.listen(0, '127.0.0.1', () => serving(String((server.address() as AddressInfo).port)))
