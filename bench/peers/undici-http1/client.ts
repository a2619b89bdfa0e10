import { readFileSync } from 'node:fs'
import { Pool } from 'undici'
import { type Hello, request } from '../../harness/load.ts'
import { calling, setup } from '../../harness/peer.ts'

const headers = { 'content-type': 'application/json' }
// HTTP/1.1 carries one call at a time on a connection: where others have one, it has as many as there are calls.
const security = setup.tls && { connect: { ca: readFileSync(setup.tls.ca) } }
const connections = setup.connections === 1 ? 256 : 1

await calling(() => {
  const pool = new Pool(setup.address, { connections, ...security })
  return {
    async hello() {
      const { body } = await pool.request({ method: 'POST', path: '/hello', headers, body: JSON.stringify(request) })
      return (await body.json()) as Hello
    },
  }
})
