import { enough, type Outgoing } from '../../http2/outgoing.ts'
import type { Gate } from './gate.ts'
import { type Pump, pump } from './pump.ts'
import type { Replies } from './replies.ts'
import type { ServerCall } from './server-call.ts'

/** By what a call's answers are sent. */
export interface AnswerWay {
  readonly replies: Replies
  readonly gate: Gate
}

/** Sends the messages that a handler answers with, one when the last has found room; `handled` is called when it has no more, or has failed. */
export function sendAnswers(call: ServerCall, messages: AsyncIterable<unknown>, { replies, gate }: AnswerWay, handled: () => void): Pump {
  let outgoing: Outgoing | undefined
  const open = (): Outgoing => {
    clearImmediate(early)
    outgoing ??= replies.open(call)
    return outgoing
  }
  // A caller may wait for headers before it goes on, so that they do not wait for the first message.
  const early = setImmediate(() => {
    try {
      if (!call.ended) open()
    } catch (error) {
      replies.fail(call, error)
    }
  })
  const answers = pump(messages, {
    send(message) {
      const to = outgoing ?? open()
      replies.send(call, to, message)
      if (to.queued < (gate.crowded ? 1 : enough)) return undefined
      return new Promise((resolve) => {
        to.onDrain = resolve
      })
    },
    finish() {
      handled()
      if (!call.ended) replies.finish(call, open())
    },
    fail(error) {
      handled()
      replies.fail(call, error)
    },
  })
  return {
    stop() {
      clearImmediate(early)
      answers.stop()
    },
  }
}
