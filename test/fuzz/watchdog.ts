import { Worker } from 'node:worker_threads'

/** Watches from a thread of its own, as whoever is stuck in a loop cannot tell. */
const source = `
const { workerData: { beats, ms, text } } = require('node:worker_threads')
let last = -1
setInterval(() => {
  const now = Atomics.load(beats, 0)
  if (now === last) {
    require('node:fs').writeSync(1, text + '\\n')
    process.kill(process.pid, 'SIGKILL')
  }
  last = now
}, ms)`

/** Kills the process, saying `text`, when its event loop is stuck for at least `ms` milliseconds, at most twice as long. Returns what ends the watch. */
export function watchdog(ms: number, text: string): () => void {
  const beats = new Int32Array(new SharedArrayBuffer(4))
  const beat = setInterval(() => Atomics.add(beats, 0, 1), ms / 10)
  const worker = new Worker(source, { eval: true, workerData: { beats, ms, text } })
  return () => {
    clearInterval(beat)
    void worker.terminate()
  }
}
