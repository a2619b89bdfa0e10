import { readFileSync, writeFileSync } from 'node:fs'

const file = new URL('../RESULTS.md', import.meta.url)

/** Replaces one bench's part of RESULTS.md, which stands between marks; adds it at the end where there is none. */
export function saveSection(name: string, text: string): void {
  writeFileSync(file, withSection(readFileSync(file, 'utf8'), name, text))
}

function withSection(page: string, name: string, text: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`]
  const from = page.indexOf(begin)
  const to = page.indexOf(end)
  const section = `${begin}\n\n${text.trim()}\n\n${end}`
  return from < 0 || to < from ? `${page.trimEnd()}\n\n${section}\n` : page.slice(0, from) + section + page.slice(to + end.length)
}
