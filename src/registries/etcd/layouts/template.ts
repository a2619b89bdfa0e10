import { RpcError } from '../../../error.ts'
import type { Layout } from '../layout.ts'

const placeholder = '{service}'

/** A {@link Layout}'s knowledge of where services are: by a prefix with `{service}` in it. */
export type Place = Pick<Layout, 'prefix' | 'root' | 'serviceOf'>

/** `/services/{service}/` as a place for every service; without `{service}` it is one for a single service. Throws `invalid_argument` for an empty one. */
export function placeAt(layout: string, template: string): Place {
  if (template === '') throw new RpcError('invalid_argument', `${layout}: prefix must not be empty`)
  let known: { readonly service: string | undefined; readonly prefix: string } = { service: undefined, prefix: '' }
  // Asked at every change, mostly for the same service.
  const prefix = (service: string): string => {
    if (known.service !== service) known = { service, prefix: template.replaceAll(placeholder, () => service) }
    return known.prefix
  }
  const at = template.indexOf(placeholder)
  const root = template.slice(0, at)
  if (at < 0 || root === '') return { prefix }
  const [behind = ''] = template.slice(at + placeholder.length)
  return {
    prefix,
    root,
    serviceOf(key) {
      const rest = key.slice(root.length)
      const end = behind === '' ? -1 : rest.indexOf(behind)
      return end > 0 ? rest.slice(0, end) : undefined
    },
  }
}

/** The same prefix, ending in one `/`. */
export function withSlash(prefix: string): string {
  return prefix.endsWith('/') ? prefix : `${prefix}/`
}
