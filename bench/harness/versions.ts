import { readFileSync } from 'node:fs'
import { goVersions } from './go.ts'

/** The version of everything that was measured, by name. */
export function versions(): Readonly<Record<string, string>> {
  const npm = Object.keys(packageAt('..').dependencies).map((name) => [name, packageAt(`../node_modules/${name}`).version] as const)
  const own = packageAt('../..').version
  return { beckon: own, Node: process.versions.node, ...Object.fromEntries(npm), ...goVersions() }
}

function packageAt(folder: string): { readonly version: string; readonly dependencies: Readonly<Record<string, string>> } {
  return JSON.parse(readFileSync(new URL(`${folder}/package.json`, import.meta.url), 'utf8'))
}
