import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const imports = /^import \([^)]*\)/m

/**
 * For a folder without a main.go: that of another folder, with what the folder's own imports.go imports, made in `cache`. Returns an overlay for
 * `go build`. Versions of a library whose packages differ by their paths alone run one program so.
 */
export async function variant(folder: string, of: string, cache: string): Promise<string> {
  const [own] = imports.exec(await readFile(join(folder, 'imports.go'), 'utf8')) ?? []
  if (own === undefined) throw new Error(`${folder}/imports.go imports nothing`)
  const main = (await readFile(join(of, 'main.go'), 'utf8')).replace(imports, () => own)
  await mkdir(cache, { recursive: true })
  await put(join(cache, 'main.go'), main)
  await put(join(cache, 'overlay.json'), JSON.stringify({ Replace: { [join(folder, 'main.go')]: join(cache, 'main.go') } }))
  return join(cache, 'overlay.json')
}

/** At once, as another process may be reading it. */
async function put(file: string, text: string): Promise<void> {
  const before = `${file}.${process.pid}`
  await writeFile(before, text)
  await rename(before, file)
}
