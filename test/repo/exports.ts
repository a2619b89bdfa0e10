/** The `exports` of a package.json as beckon writes them: a target, or `null` for what a pattern must not open. */
export type Exports = Readonly<Record<string, string | null>>

/** Folders of the build that no door opens. */
const closed = /^(cli|examples|gen|http2)\//

/**
 * Every way into the package: what a user imports, by the file it leads to (`registries/etcd.js` → `beckon/registries/etcd`).
 * As Node resolves them: https://nodejs.org/api/packages.html#subpath-patterns
 */
export function doors(exports: Exports, files: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const file of files) {
    for (const [key, target] of Object.entries(exports)) {
      const star = target === null ? undefined : starOf(target, `./dist/${file}`)
      if (star === undefined) continue
      const path = key.replace('*', star)
      if (!isClosed(exports, key, path)) found.set(file, `beckon${path.slice(1)}`)
    }
  }
  return found
}

/** One line for every entry that leads nowhere, every file that should have a door and every one that should not. */
export function mismatches(exports: Exports, files: readonly string[]): readonly string[] {
  const open = doors(exports, files)
  const dead = Object.entries(exports)
    .filter(([, target]) => target?.startsWith('./dist/') && !files.some((file) => starOf(target, `./dist/${file}`) !== undefined))
    .map(([key]) => `exports[${JSON.stringify(key)}] leads nowhere`)
  const wrong = files.filter((file) => file.endsWith('.js') && isPublic(exports, file, files) !== open.has(file))
  const typeless = [...open.keys()].filter((file) => !files.includes(file.replace(/js$/, 'd.ts')))
  return [
    ...dead,
    ...wrong.map((file) => (open.has(file) ? `${open.get(file)} opens dist/${file}, which is inside` : `no door opens dist/${file}`)),
    ...typeless.map((file) => `dist/${file} has no declarations`),
  ]
}

/** A folder with an index is one door; in any other open folder every file is one, and folders below it are inside. */
function isPublic(exports: Exports, file: string, files: readonly string[]): boolean {
  if (Object.values(exports).includes(`./dist/${file}`)) return true
  const folder = file.slice(0, file.lastIndexOf('/') + 1)
  if (closed.test(file) || folder.indexOf('/') !== folder.length - 1) return false
  return files.includes(`${folder}index.js`) ? file === `${folder}index.js` : folder !== ''
}

function starOf(target: string, path: string): string | undefined {
  const [before = '', after] = target.split('*')
  if (after === undefined) return target === path ? '' : undefined
  const fits = path.startsWith(before) && path.endsWith(after) && path.length > before.length + after.length
  return fits ? path.slice(before.length, path.length - after.length) : undefined
}

function isClosed(exports: Exports, key: string, path: string): boolean {
  return Object.entries(exports).some(
    ([other, target]) => target === null && other.length > key.length && starOf(other, path) !== undefined,
  )
}
