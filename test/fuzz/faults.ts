import { Connection } from '../../src/http2/connection.ts'
import { ClientConnection } from '../../src/transports/grpc/client-connection.ts'
import { Room } from '../../src/transports/grpc/room.ts'
import { ServerConnection } from '../../src/transports/grpc/server-connection.ts'

const kept: unknown[] = []

/** What may be wrong with an engine, and the words in which the fuzzer has to tell of it. Each is put into the classes of this process. */
export const faults: Readonly<Record<string, { readonly tells: RegExp; inject(): void }>> = {
  crash: {
    tells: /it crashes: .*injected/,
    inject() {
      ServerConnection.prototype.wasReset = () => void setImmediate(() => JSON.parse('injected'))
    },
  },
  rejection: {
    tells: /it crashes: .*injected/,
    inject() {
      ServerConnection.prototype.wasReset = () => void Promise.reject(new Error('injected'))
    },
  },
  'stuck loop': {
    tells: /the event loop is stuck/,
    inject() {
      Connection.prototype.reset = () => {
        for (;;);
      }
    },
  },
  'stuck connection': {
    tells: /in vain for (?:a conversation|the end of a flood)/,
    inject() {
      ClientConnection.prototype.closed = () => {}
    },
  },
  'stuck handlers': {
    tells: /handlers were left/,
    inject() {
      ServerConnection.prototype.closed = () => {}
    },
  },
  leak: {
    tells: /it leaks/,
    inject() {
      const { settled } = ServerConnection.prototype
      ServerConnection.prototype.settled = function () {
        kept.push(this)
        settled.call(this)
      }
    },
  },
  'unbounded buffer': {
    tells: /it holds \d+ bytes of a flood/,
    inject() {
      Room.prototype.take = () => {}
    },
  },
}
