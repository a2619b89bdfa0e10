import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Tools } from './suite.ts'

/** A program that passes HTTP/2 on. */
export interface Proxy {
  readonly name: string
  /** The command that runs one on `port` before the server at `backend`, with TLS on both sides or on neither. */
  command(port: number, backend: string, tls: boolean, tools: Tools): readonly [string, ...string[]]
}

const nginx: Proxy = {
  name: 'nginx',
  command(port, backend, tls, { folder, files }) {
    const [listen, scheme] = tls
      ? [`ssl http2; ssl_certificate ${files.cert}; ssl_certificate_key ${files.key}`, 'grpcs']
      : ['http2', 'grpc']
    const at = join(folder, `nginx-${port}`)
    const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${at}-${name};`)
    writeFileSync(
      `${at}.conf`,
      `daemon off; master_process off; pid ${at}.pid; error_log stderr;
      events {}
      http {
        access_log off; client_max_body_size 0; ${paths.join(' ')}
        upstream backend { server ${backend}; keepalive 16; }
        server { listen 127.0.0.1:${port} ${listen}; location / { grpc_pass ${scheme}://backend; } }
      }`,
    )
    return ['nginx', '-e', 'stderr', '-c', `${at}.conf`]
  },
}

const haproxy: Proxy = {
  name: 'haproxy',
  command(port, backend, tls, { folder, files }) {
    const pem = join(folder, 'haproxy.pem')
    writeFileSync(pem, readFileSync(files.cert, 'utf8') + readFileSync(files.key, 'utf8'))
    const [bind, server] = tls ? [`ssl crt ${pem} alpn h2`, 'ssl verify none alpn h2'] : ['proto h2', 'proto h2']
    const config = join(folder, `haproxy-${port}.cfg`)
    writeFileSync(
      config,
      `defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen all
  bind 127.0.0.1:${port} ${bind}
  server one ${backend} ${server}
`,
    )
    return ['haproxy', '-db', '-f', config]
  },
}

const nghttpx: Proxy = {
  name: 'nghttpx',
  command(port, backend, tls, { files }) {
    const [front, back, more] = tls ? ['', ';tls', ['--insecure', files.key, files.cert]] : [';no-tls', '', []]
    const to = `${backend.replace(':', ',')};;proto=h2${back}`
    return ['nghttpx', '--conf=/dev/null', '--workers=1', `--frontend=127.0.0.1,${port}${front}`, `--backend=${to}`, ...more]
  },
}

/** Those that are tried. */
export const proxies: readonly Proxy[] = [nginx, haproxy, nghttpx]

/** Its version, as it says it. Undefined where it is not installed. */
export function versionOf({ name }: Proxy): string | undefined {
  try {
    const said = execFileSync('sh', ['-c', `${name} -v 2>&1`], { encoding: 'utf8' })
    return /\d+\.\d+(\.\d+)?/.exec(said)?.[0]
  } catch {
    return undefined
  }
}
