import { readFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { answer, serving, setup } from '../../harness/peer.ts'

const handler: RequestListener = (request, response) => {
  let text = ''
  request.setEncoding('utf8')
  request.on('data', (chunk: string) => {
    text += chunk
  })
  request.on('end', () => {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(answer(JSON.parse(text))))
  })
}
const { tls } = setup
const server = tls ? createSecureServer({ key: readFileSync(tls.key), cert: readFileSync(tls.cert) }, handler) : createServer(handler)
server.listen(0, '127.0.0.1', () => serving(`${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`))
