import type { Echo } from './load.ts'

/** The handlers of `beckon.test.Echo`, for servers whose handlers return promises and iterate streams. */
export const echoHandlers = {
  /** A call with the text `park` is never answered. */
  unary: async ({ text, payload, count }: Echo): Promise<Echo> => {
    if (text === 'park') await new Promise(() => {})
    return { text, payload, count }
  },
  once: async (message: Echo): Promise<Echo> => message,
  async collect(messages: AsyncIterable<Echo>): Promise<Echo> {
    let last: Echo = { text: '', payload: new Uint8Array(0), count: 0 }
    for await (const message of messages) last = message
    return last
  },
  async *expand({ text, payload, count }: Echo): AsyncGenerator<Echo> {
    for (let i = 0; i < count; i++) yield { text, payload, count: i }
  },
  async *chat(messages: AsyncIterable<Echo>): AsyncGenerator<Echo> {
    for await (const { text, payload, count } of messages) yield { text, payload, count }
  },
}
