import { afterEach, describe, expect, it } from 'vitest'
import { type Flags, type FlagsOptions, flags } from '../src/flags.ts'
import { registryFromUrl, withoutPassword } from '../src/registry-url.ts'

const opened: Flags[] = []
afterEach(async () => {
  for (const one of opened.splice(0)) await one.registry.close()
})

function read(argv: string[], env: Record<string, string> = {}, more: FlagsOptions = {}): Flags {
  const result = flags({ argv, env, ...more })
  opened.push(result)
  return result
}

describe('flags', () => {
  it('means etcd on this machine when nobody says anything', () => {
    expect(read([]).registry.name).toBe('etcd at 127.0.0.1:2379')
  })

  it('reads go-micro’s flags, with = or without, with _ or -', () => {
    const one = read([
      '--registry=etcd',
      '--registry_address=10.0.0.1:2379,10.0.0.2:2379',
      '--server-name',
      'shop',
      '--server_metadata=a=1',
      '--server_metadata=b=2',
    ])
    expect(one.registry.name).toBe('etcd at 10.0.0.1:2379,10.0.0.2:2379')
    expect(one.server).toEqual({ name: 'shop', metadata: { a: '1', b: '2' } })
  })

  it('reads go-micro’s variables', () => {
    const one = read([], {
      MICRO_REGISTRY: 'etcd',
      MICRO_REGISTRY_ADDRESS: '10.0.0.1',
      MICRO_SERVER_ADDRESS: ':9000',
      MICRO_CLIENT_REQUEST_TIMEOUT: '500ms',
      MICRO_CLIENT_RETRIES: '2',
    })
    expect(one.registry.name).toBe('etcd at 10.0.0.1:2379')
    expect(one.server).toEqual({ address: ':9000' })
    expect(one.client).toEqual({ timeout: 500, retry: { attempts: 3 } })
  })

  it('takes what is empty, as a variable that is not set leaves it, for nothing said', () => {
    const one = read(['--registry='], { MICRO_SERVER_METADATA: '', MICRO_CLIENT_RETRIES: '', BECKON_REGISTRY: '' })
    expect(one.registry.name).toBe('etcd at 127.0.0.1:2379')
    expect([one.server, one.client]).toEqual([{}, {}])
  })

  it('prefers a flag to BECKON_REGISTRY, and that to MICRO_REGISTRY', () => {
    const env = { BECKON_REGISTRY: 'etcd://b:1', MICRO_REGISTRY: 'memory', MICRO_REGISTRY_ADDRESS: 'm:1' }
    expect(read([], env).registry.name).toBe('etcd at b:1')
    expect(read(['--registry_address=f:1', '--registry=etcd'], env).registry.name).toBe('etcd at f:1')
    expect(read(['--registry=memory'], env).registry.name).toMatch(/^memory/)
  })

  it('takes etcd’s addresses as URLs, as etcdctl and Go have them', () => {
    expect(read(['--registry_address=http://10.0.0.1:2379,http://10.0.0.2']).registryUrl).toBe('etcd://10.0.0.1:2379,10.0.0.2')
    expect(read([], { MICRO_REGISTRY_ADDRESS: 'https://h:2379' }).registryUrl).toBe('etcd://h:2379?tls=true')
    expect(read(['--registry=etcd-v2', '--registry_address=https://h:2379']).registryUrl).toBe('etcd-v2://h:2379?tls=true')
  })

  it('tells no password of what is no registry', () => {
    expect(() => read(['--registry=user:secret@h:1'])).toThrow('"user:***@h:1" must be a name')
  })

  it('applies defaults for the registry only where no layout is named', () => {
    const registryDefaults = 'layout=go-kit&prefix=/services/book/'
    expect(read(['--registry_address=h:1'], {}, { registryDefaults }).registryUrl).toBe('etcd://h:1?layout=go-kit&prefix=/services/book/')
    expect(read([], { BECKON_REGISTRY: 'etcd://h:1?layout=go-micro' }, { registryDefaults }).registryUrl).toBe('etcd://h:1?layout=go-micro')
    expect(read(['--register_ttl=15', '--register_interval=5'], {}, { registryDefaults }).registryUrl).toContain('ttl=15&heartbeat=5')
  })

  it('leaves other arguments alone', () => {
    expect(read(['serve', '--port', '80', '--registry=memory', '-v']).rest).toEqual(['serve', '--port', '80', '-v'])
  })

  it.each([
    [['--registry'], /--registry needs a value/],
    [['--registry_address', '--json'], /--registry_address needs a value/],
    [['--registry=zookeeper'], /knows no "zookeeper"; there are etcd, etcd-v2, fixed and memory/],
    [['--client_retries=many'], /--client_retries: must be a whole number/],
    [['--client_request_timeout=soon'], /--client_request_timeout: "soon" is not a time/],
    [['--server_metadata=x'], /--server_metadata: "x" must be key=value/],
    [
      ['--registry=10.0.0.1:2379'],
      /--registry or BECKON_REGISTRY: "10\.0\.0\.1:2379" must be a name like etcd, or a URL like etcd:\/\/host:port/,
    ],
    [['--registry=etcd://h:1?lay=x'], /has no parameter "lay"/],
    [['--registry=etcd://h:1?layout=nest'], /knows no layout "nest"/],
    [['--registry=etcd://h:1?layout=go-kit'], /needs prefix=/],
    [['--registry=etcd://u@h:1'], /a user without a password/],
    [['--registry=etcd://h:1?ca=/no/such/file'], /ca=\/no\/such\/file cannot be read/],
    [['--registry=etcd-v2://h:1?layout=kratos'], /knows no layout "kratos"; there are go-micro, go-kit/],
    [['--registry=fixed'], /needs at least one host:port/],
  ])('says what is wrong with %j', (argv, message) => {
    expect(() => read(argv)).toThrow(message)
  })

  it.each([
    'go-micro',
    'go-micro-v1',
    'etcd-naming',
    'kratos',
    'go-zero',
    'kitex',
    'rpcx',
    'go-kit&prefix=/services/book/',
    'go-micro,kratos,go-kit&prefix=/x/',
  ])('takes layout=%s', async (layout) => {
    await read([`--registry=etcd://h:1?layout=${layout}`]).registry.close()
  })

  it('takes etcd’s former API by its name, with defaults for etcd', () => {
    const registryDefaults = 'layout=go-kit&prefix=/services/book/'
    const one = read(['--registry=etcd-v2', '--registry_address=h:1,h:2'], {}, { registryDefaults })
    expect(one.registryUrl).toBe('etcd-v2://h:1,h:2?layout=go-kit&prefix=/services/book/')
    expect(one.registry.name).toBe('etcd v2 at h:1,h:2')
  })

  it.each([
    ['etcd://us%er:pass@h:1', 'user and password must be percent-encoded: write %25 for %'],
    ['etcd://h:1?tls=yes', 'tls must be true or false'],
    ['etcd://h:1?tls=false&servername=etcd.local', 'has tls=false beside ca, cert, key or servername'],
  ])('refuses %s', (url, why) => {
    expect(() => registryFromUrl(url)).toThrow(`invalid_argument: registry URL ${withoutPassword(url)}: ${why}`)
  })

  it('never shows a password', () => {
    expect(read(['--registry=etcd://me:secret@h:1']).registryUrl).toBe('etcd://me:***@h:1')
    expect(read(['--registry=etcd://me:se:cret@h:1']).registryUrl).toBe('etcd://me:***@h:1')
    for (const password of ['secret', 'se:cret', 'se/cret', 'se@cret'])
      expect(() => registryFromUrl(`etcd://me:${password}@h:1?x=y`)).toThrow(
        /^invalid_argument: registry URL etcd:\/\/me:\*\*\*@h:1\?x=y: /,
      )
  })
})
