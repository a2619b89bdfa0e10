import { connect } from 'node:net'
import { calling, type Hello, request, serverAddress } from '../../harness/peer.ts'
import { input, output, receiver, sender } from './frames.ts'

const waiting = new Map<number, (response: Hello) => void>()
const socket = connect({ port: Number(serverAddress()), host: '127.0.0.1', noDelay: true })
const send = sender(socket, input)
socket.on(
  'data',
  receiver(output, (id, response) => {
    waiting.get(id)?.(response)
    waiting.delete(id)
  }),
)
let last = 0

await calling(
  () =>
    new Promise<Hello>((resolve) => {
      waiting.set(++last, resolve)
      send(last, request)
    }),
)
