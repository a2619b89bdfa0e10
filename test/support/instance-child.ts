// One instance of Echo in a process of its own: `instance-child.ts <registry URL> <id>`. Says `serving` when it is registered.
// Without its registry it tries again, as whatever supervises a process would.
import { registryFromUrl } from '../../src/registry-url.ts'
import { startEcho } from './echo.ts'

const [, , url = '', who = ''] = process.argv
const registry = registryFromUrl(url)
for (;;) {
  try {
    const server = await startEcho({ registry, who, signals: true, propagation: 300 })
    console.log(`serving ${server.address}`)
    break
  } catch (error) {
    console.log((error as Error).message)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}
// Ends with whoever started it.
process.stdin.on('end', () => process.exit(0)).resume()
