import { spawnSync } from 'node:child_process'
import { versions as benchVersions } from '../harness/versions.ts'
import { goBinary } from './program.ts'

/** The version of everything that was measured, by name. */
export function versions(): Readonly<Record<string, string>> {
  const { beckon = '', Node = '', etcd3 = '', moleculer = '' } = benchVersions()
  const [, etcd = ''] = /etcd Version: (\S+)/.exec(spawnSync('etcd', ['--version'], { encoding: 'utf8' }).stdout) ?? []
  return { beckon, Node, etcd, etcd3, moleculer, ...goModules() }
}

function goModules(): Readonly<Record<string, string>> {
  const { stdout, error } = spawnSync('go', ['version', '-m', goBinary], { encoding: 'utf8' })
  if (error !== undefined) return {}
  const [, go = ''] = /: go(\S+)/.exec(stdout) ?? []
  const modules = [...stdout.matchAll(/^\tdep\t(\S+)\tv(\S+)/gm)].map(([, name = '', version = '']) => [name, version] as const)
  const direct = ['github.com/go-kit/kit', 'go.etcd.io/etcd/client/v3', 'google.golang.org/grpc']
  return { Go: go, ...Object.fromEntries(modules.filter(([name]) => direct.includes(name))) }
}
