import { Pool } from 'undici'
import { calling, type Hello, request, serverAddress } from '../../harness/peer.ts'

// HTTP/1.1 carries one call at a time on a connection.
const pool = new Pool(serverAddress(), { connections: 256 })
const headers = { 'content-type': 'application/json' }

await calling(async () => {
  const { body } = await pool.request({ method: 'POST', path: '/hello', headers, body: JSON.stringify(request) })
  return (await body.json()) as Hello
})
