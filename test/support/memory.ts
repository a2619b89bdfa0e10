import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Bytes that the process holds on to, in the heap and beside it. */
export function held(): number {
  collect()
  // The memory of buffers that the first one found is only counted as free after another.
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Sockets that are open. */
export function sockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
}
