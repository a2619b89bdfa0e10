import { execFileSync } from 'node:child_process'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** An authority of its own and one certificate for 127.0.0.1 and localhost, for servers and clients alike. */
export interface Certificates {
  readonly ca: string
  readonly cert: string
  readonly key: string
  /** Where they lie. */
  readonly files: { readonly ca: string; readonly cert: string; readonly key: string }
}

const openssl = (...args: string[]): void => void execFileSync('openssl', args, { stdio: 'ignore' })
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/** Makes them with openssl in a directory; `like` others, by the same authority. */
export function makeCertificates(directory: string, like?: Certificates): Certificates {
  const at = (name: string): string => join(directory, name)
  if (like === undefined)
    openssl('req', '-x509', ...newKey, '-keyout', at('ca.key'), '-out', at('ca.pem'), '-days', '2', '-subj', '/CN=beckon test authority')
  else for (const name of ['ca.key', 'ca.pem']) copyFileSync(join(dirname(like.files.ca), name), at(name))
  const files = { ca: at('ca.pem'), cert: at('cert.pem'), key: at('key.pem') }
  renewCertificate(files)
  return { ca: readFileSync(files.ca, 'utf8'), cert: readFileSync(files.cert, 'utf8'), key: readFileSync(files.key, 'utf8'), files }
}

/** Puts another certificate, with another key, of the same authority where the former was. */
export function renewCertificate(files: Certificates['files'] | undefined): void {
  if (files === undefined) throw new Error('there is no certificate to renew')
  const at = (name: string): string => join(dirname(files.ca), name)
  openssl('req', ...newKey, '-keyout', at('key.pem'), '-out', at('request.pem'), '-subj', '/CN=localhost')
  writeFileSync(at('extensions'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n')
  const signing = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '2', '-extfile', at('extensions')]
  openssl('x509', '-req', '-in', at('request.pem'), ...signing, '-out', at('cert.pem'))
}
