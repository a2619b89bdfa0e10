/** The header `grpc-timeout`: at most eight digits and a unit. https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */

const units: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 }

/** Milliseconds that `grpc-timeout` stands for; `undefined` when it cannot be read. */
export function readTimeout(text: string): number | undefined {
  const match = /^(\d{1,8})([HMSmun])$/.exec(text)
  return match === null ? undefined : Number(match[1]) * (units[match[2] as string] as number)
}

/** Milliseconds as they are told to the peer: rounded up by at most 2 %, so that there are few different ones to put into headers. */
export function roundTimeout(ms: number): number {
  const step = ms < 500 ? 1 : ms < 5000 ? 10 : ms < 50_000 ? 100 : 1000
  return Math.max(1, Math.ceil(ms / step) * step)
}

/** `grpc-timeout` of whole milliseconds. */
export function writeTimeout(ms: number): string {
  if (ms < 1e8) return `${ms}m`
  const seconds = Math.ceil(ms / 1000)
  return seconds < 1e8 ? `${seconds}S` : `${Math.min(99_999_999, Math.ceil(seconds / 3600))}H`
}
