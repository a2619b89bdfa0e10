import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { filesUnder, root, type SourceFile, written } from './source.ts'

const declaration = /^export (?:declare )?(?:abstract )?(?:async )?(?:function\*?|const|let|class|interface|type) ([\w$]+)/

const constant = /^export const .*[^{([,]$/

/**
 * One line for every exported declaration without a doc comment right above it. Overloads share the first one's, and so do
 * constants of a line each with nothing between them.
 */
function undocumented({ path, text }: SourceFile): readonly string[] {
  const lines = text.split('\n')
  const known = new Set<string>()
  return lines.flatMap((line, index) => {
    const name = declaration.exec(line)?.[1]
    if (name === undefined || known.has(name)) return []
    known.add(name)
    const above = lines.slice(0, index).findLast((one) => !one.startsWith('// biome-ignore'))
    if (above !== undefined && constant.test(above) && constant.test(line)) return []
    return above?.trimEnd().endsWith('*/') ? [] : [`src/${path}:${index + 1} ${name}`]
  })
}

/** Relative links of a page to files that are not there. */
function brokenLinks({ path, text }: SourceFile, there: (path: string) => boolean): readonly string[] {
  const links = [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)\s]*)?\)/g)].map(([, link]) => link ?? '')
  return links
    .filter((link) => !/^[a-z]+:/.test(link))
    .filter((link) => !there(new URL(link, `file:///${path}`).pathname.slice(1)))
    .map((link) => `${path} links to ${link}`)
}

describe('doc comments', () => {
  it('stand above every export in src/', () => {
    expect(written().flatMap(undocumented)).toEqual([])
  })

  it('are missed where there are none', () => {
    const text = ['/** Told. */', 'export const a = 1', 'export function b(): void {}', '', 'export interface C {}', 'const d = 1'].join(
      '\n',
    )
    expect(undocumented({ path: 'x.ts', text })).toEqual(['src/x.ts:3 b', 'src/x.ts:5 C'])
    const constants = [
      'export const a = 1',
      'export const b = 2',
      '',
      'export const c = 3',
      '/** Told. */',
      'export const d = {',
      '}',
      'export const e = 1',
    ]
    expect(undocumented({ path: 'x.ts', text: constants.join('\n') })).toEqual(['src/x.ts:1 a', 'src/x.ts:4 c', 'src/x.ts:8 e'])
  })
})

describe('pages', () => {
  it('link to files that are there', () => {
    const top = readdirSync(root).filter((name) => name.endsWith('.md'))
    const pages = [
      ...top.map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') })),
      ...filesUnder('docs', '.md').map(({ path, text }) => ({ path: `docs/${path}`, text })),
    ]
    expect(pages.length).toBeGreaterThan(3)
    expect(pages.flatMap((page) => brokenLinks(page, (path) => existsSync(join(root, path))))).toEqual([])
  })

  it('are known to be broken where a link leads nowhere', () => {
    const page = { path: 'docs/a.md', text: '[b](b.md#x) [c](../c.md) [web](https://example.org/) [d](nowhere.md)' }
    expect(brokenLinks(page, (path) => ['docs/b.md', 'c.md'].includes(path))).toEqual(['docs/a.md links to nowhere.md'])
  })
})
