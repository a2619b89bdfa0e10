import { ErrorCode, fault } from './fault.ts'

/** How many entries HPACK's static table has; its indices start at 1. */
export const staticCount = 61

/** Octets that an entry counts beyond its name and value. https://www.rfc-editor.org/rfc/rfc7541#section-4.1 */
export const entryOverhead = 32

/** The table's size that both sides begin with. */
export const initialTableSize = 4096

// Names with their values, https://www.rfc-editor.org/rfc/rfc7541#appendix-A
const text = `:authority|:method GET|:method POST|:path /|:path /index.html|:scheme http|:scheme https|:status 200|:status 204|:status 206|
:status 304|:status 400|:status 404|:status 500|accept-charset|accept-encoding gzip, deflate|accept-language|accept-ranges|accept|
access-control-allow-origin|age|allow|authorization|cache-control|content-disposition|content-encoding|content-language|content-length|
content-location|content-range|content-type|cookie|date|etag|expect|expires|from|host|if-match|if-modified-since|if-none-match|if-range|
if-unmodified-since|last-modified|link|location|max-forwards|proxy-authenticate|proxy-authorization|range|referer|refresh|retry-after|
server|set-cookie|strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate`

/** Names of the static table by index; index 0 is unused. */
export const staticNames: readonly string[] = ['']
/** Values of the static table by index. */
export const staticValues: readonly string[] = ['']
for (const entry of text.replaceAll('\n', '').split('|')) {
  const space = entry.indexOf(' ')
  ;(staticNames as string[]).push(space < 0 ? entry : entry.slice(0, space))
  ;(staticValues as string[]).push(space < 0 ? '' : entry.slice(space + 1))
}

/** The decoder's dynamic table: entries come in front and fall out at the back. https://www.rfc-editor.org/rfc/rfc7541#section-2.3.2 */
export class DynamicTable {
  /** Newest last; the first `gone` have been evicted. */
  readonly #names: string[] = []
  readonly #values: string[] = []
  #gone = 0
  #size = 0
  #max = initialTableSize

  /** The name at an index of both tables together. Throws a compression fault outside of them. */
  name(index: number): string {
    return index <= staticCount && index > 0 ? (staticNames[index] as string) : (this.#names[this.#position(index)] as string)
  }

  /** The value at an index of both tables together. Throws a compression fault outside of them. */
  value(index: number): string {
    return index <= staticCount && index > 0 ? (staticValues[index] as string) : (this.#values[this.#position(index)] as string)
  }

  insert(name: string, value: string): void {
    const size = name.length + value.length + entryOverhead
    this.#evict(this.#max - size)
    if (size > this.#max) return
    this.#names.push(name)
    this.#values.push(value)
    this.#size += size
  }

  resize(max: number): void {
    this.#max = max
    this.#evict(max)
  }

  #position(index: number): number {
    const position = this.#names.length - (index - staticCount)
    if (index === 0 || position < this.#gone) throw fault(ErrorCode.compressionError, `header index ${index} is in no table`)
    return position
  }

  #evict(room: number): void {
    while (this.#size > room && this.#gone < this.#names.length) {
      const name = this.#names[this.#gone] as string
      this.#size -= name.length + (this.#values[this.#gone] as string).length + entryOverhead
      this.#names[this.#gone] = this.#values[this.#gone] = ''
      this.#gone++
    }
    if (this.#gone < 64) return
    this.#names.splice(0, this.#gone)
    this.#values.splice(0, this.#gone)
    this.#gone = 0
  }
}
