import { styleText } from 'node:util'

/** Writes data: a line on stdout. Messages go to stderr. */
export function print(line = ''): void {
  process.stdout.write(`${line}\n`)
}

/** Writes one JSON document on one line of stdout. */
export function printJson(document: unknown): void {
  print(JSON.stringify(document))
}

/** Writes a message: a line on stderr. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`)
}

type Style = Parameters<typeof styleText>[0]

/** The text in a style where stdout is a terminal that has them; plain elsewhere, and where `NO_COLOR` is set. */
export function style(format: Style, text: string): string {
  return styleText(format, text, { stream: process.stdout })
}

/** Rows as aligned columns, two spaces apart, under headings. The last column may be as long as it likes. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const widths = headings.map((heading, column) => Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  return [style('dim', line(headings)), ...rows.map(line)]
}
