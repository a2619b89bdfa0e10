import { readdirSync } from 'node:fs'
import { goProgram } from './go.ts'

const folder = new URL('../peers/', import.meta.url)

/** Peers that are Go programs, in bench/go. */
export const goPeers: readonly string[] = ['grpc-go', 'go-kit']

/** Peers that run on Node, in bench/peers; beckon first. */
export const nodePeers: readonly string[] = readdirSync(folder).sort((a, b) => Number(b === 'beckon') - Number(a === 'beckon'))

/** Not stacks that somebody would use, but what others are held against. */
export const yardsticks: readonly string[] = ['beckon-engine', 'beckon-http1', 'bare-socket', 'idle-socket']

/** The peer without the flags for Node that its name may have behind it, such as `beckon --initial-heap-size=128`. */
export function peerOf(name: string): string {
  return name.replace(/ .*/, '')
}

/** How a half of a peer is started, without its {@link Setup}, or why it cannot be. */
export function command(name: string, half: 'server' | 'client'): readonly string[] | { readonly absent: string } {
  const [peer, ...flags] = name.split(' ')
  if (!goPeers.includes(name))
    return [process.execPath, '--expose-gc', ...flags, '--import', 'tsx', new URL(`${peer}/${half}.ts`, folder).pathname]
  const program = goProgram()
  return 'absent' in program ? program : [program.path, name, half]
}
