import type { Registrar } from '../../src/registry.ts'
import { startEcho } from './echo.ts'

const registry: Registrar = {
  register(instance) {
    console.log('registered')
    return Promise.resolve({
      instance,
      state: 'registered',
      update: () => Promise.resolve(),
      deregister() {
        console.log('deregistered')
        return Promise.resolve()
      },
      onState: () => () => {},
    })
  },
}

await startEcho({ registry, signals: true })
console.log('serving')
