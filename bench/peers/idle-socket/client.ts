import { once } from 'node:events'
import { connect } from 'node:net'
import { request } from '../../harness/load.ts'
import { calling, setup } from '../../harness/peer.ts'

await calling(() => {
  const socket = connect({ port: Number(setup.address), host: '127.0.0.1' })
  return {
    async hello() {
      socket.write('.')
      await once(socket, 'data')
      return { ...request, from: 'server', to: request.from }
    },
  }
})
