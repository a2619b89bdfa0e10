/**
 * A process that runs another (`keeper.js <directory> <command> <arguments…>`) until the demo that started it is gone, however it went,
 * and then removes its directory.
 */
import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'

const [directory = '', command = '', ...args] = process.argv.slice(2)
const child = spawn(command, args, { stdio: 'ignore' })

child.once('error', end)
child.once('exit', end)
process.once('disconnect', () => child.kill('SIGKILL'))

function end(): void {
  rmSync(directory, { recursive: true, force: true })
  process.exit()
}
