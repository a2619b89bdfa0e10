import type { Instance } from '../../dist/index.js'

/** A service as people have them: with a version, a zone and some metadata. */
export function instance(service: string, index: number): Instance {
  return {
    id: `${service}-0b6f7a52-9d1c-4c55-8f0e-${index.toString(16).padStart(12, '0')}`,
    service,
    address: `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}:8080`,
    version: '1.4.2',
    zone: `eu-west-1${'abc'[index % 3]}`,
    metadata: { commit: 'd05d7fa', team: 'payments' },
  }
}
