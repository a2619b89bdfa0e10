import type { Command } from 'commander'
import type { Cli } from './program.ts'

/** `beckon demo`: the main job in one command. */
export function demoCommand(program: Command, cli: Cli): void {
  program
    .command('demo')
    .description('see it work: three instances under load, one killed, one stopped, both started again')
    .addHelpText('after', '\nExample:\n  $ beckon demo --json | tail -n 1 | jq .perInstance\n')
    .action(async () => (await import('./demo/story.ts')).tell(cli))
}
