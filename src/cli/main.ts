#!/usr/bin/env node
import { report } from './exit.ts'
import { run } from './program.ts'
import { watchOutput } from './stop.ts'

watchOutput()
process.on('uncaughtException', (error) => process.exit(report(error)))
// A command ends when it says so, also while all it does is wait for what nothing else keeps the process alive for.
setInterval(() => {}, 0x7fffffff)
const code = await run(process.argv.slice(2))
// What was written may still be on its way into a pipe, or about to be told that it cannot be.
process.stdout.write('', () => setImmediate(() => process.exit(code)))
