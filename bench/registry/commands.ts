import { createInterface } from 'node:readline'

/** What a program does when the bench asks for it; `undefined` says nothing yet. */
export type Command = (...args: string[]) => unknown | Promise<unknown>

/** Writes one line to the bench. */
export function tell(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}

/** The program's half of program.ts: a command a line, an answer a line. Ends with the bench, however that ends. */
export function serve(commands: Readonly<Record<string, Command>>): void {
  const lines = createInterface(process.stdin)
  lines.on('line', async (line) => {
    const [name = '', ...args] = line.split(' ')
    tell((await commands[name]?.(...args)) as object)
  })
  lines.on('close', () => process.exit())
}

/** The bytes of heap and of buffers in use, after everything that is not has been collected. Needs `--expose-gc`. */
export function heldBytes(): number {
  for (let i = 0; i < 4; i++) gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

process.on('SIGINT', () => {})
