import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository's folder. */
export const root: string = fileURLToPath(new URL('../..', import.meta.url))

/** A file by its path inside the folder it was looked for in, with `/` on every system. */
export interface SourceFile {
  readonly path: string
  readonly text: string
}

/** Every file under a folder of the repository whose name ends in `suffix`. */
export function filesUnder(folder: string, suffix: string): readonly SourceFile[] {
  const directory = join(root, folder)
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(suffix))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({ path: relative(directory, file).split(sep).join('/'), text: readFileSync(file, 'utf8') }))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** What people wrote in src/, that is all but generated code. */
export function written(): readonly SourceFile[] {
  return filesUnder('src', '.ts').filter(({ path }) => !path.startsWith('gen/'))
}
