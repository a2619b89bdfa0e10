import { connect } from 'node:net'
import { type Hello, request } from '../../harness/load.ts'
import { calling, setup } from '../../harness/peer.ts'
import { input, output, receiver, sender } from './frames.ts'

await calling(() => {
  const waiting = new Map<number, (response: Hello) => void>()
  const socket = connect({ port: Number(setup.address), host: '127.0.0.1', noDelay: true })
  const send = sender(socket, input)
  socket.on(
    'data',
    receiver(output, (id, response) => {
      waiting.get(id)?.(response)
      waiting.delete(id)
    }),
  )
  let last = 0
  return {
    hello: () =>
      new Promise<Hello>((resolve) => {
        waiting.set(++last, resolve)
        send(last, request)
      }),
  }
})
