import { readFileSync } from 'node:fs'
import { Pool } from 'undici'
import { type Hello, request } from './load.ts'
import { calling, setup } from './peer.ts'

const headers = { 'content-type': 'application/json' }

/** A client that posts JSON over HTTP/1.1, which carries one call at a time on a connection: where others have one, it has as many as there are calls. */
export async function posting(origin: string, path: string): Promise<void> {
  const security = setup.tls && { connect: { ca: readFileSync(setup.tls.ca) } }
  const connections = setup.connections === 1 ? 256 : 1
  await calling(() => {
    const pool = new Pool(origin, { connections, ...security })
    return {
      async hello() {
        const { body } = await pool.request({ method: 'POST', path, headers, body: JSON.stringify(request) })
        return (await body.json()) as Hello
      },
    }
  })
}
