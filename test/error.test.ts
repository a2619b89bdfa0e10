import { describe, expect, it } from 'vitest'
import { type Code, codeFromNumber, codes, codeToNumber, RpcError } from '../src/error.ts'

describe('codes', () => {
  it("have gRPC's numbers", () => {
    expect(codes.map((code) => [code, codeToNumber(code)])).toEqual([
      ['canceled', 1],
      ['unknown', 2],
      ['invalid_argument', 3],
      ['deadline_exceeded', 4],
      ['not_found', 5],
      ['already_exists', 6],
      ['permission_denied', 7],
      ['resource_exhausted', 8],
      ['failed_precondition', 9],
      ['aborted', 10],
      ['out_of_range', 11],
      ['unimplemented', 12],
      ['internal', 13],
      ['unavailable', 14],
      ['data_loss', 15],
      ['unauthenticated', 16],
    ])
    for (const code of codes) expect(codeFromNumber(codeToNumber(code))).toBe(code)
  })

  it.each([-1, 0, 17, 1.5, Number.NaN])('are unknown for %d', (number) => {
    expect(codeFromNumber(number)).toBe('unknown')
  })
})

describe('codeToNumber', () => {
  it('takes for unknown what is no code, never for success', () => {
    expect(codeToNumber('cancelled' as Code)).toBe(2)
  })
})

describe('RpcError', () => {
  it('says code and text, and keeps the text alone for the wire', () => {
    const error = new RpcError('not_found', 'no such book')
    expect(String(error)).toBe('RpcError: not_found: no such book')
    expect(error).toMatchObject({ code: 'not_found', rawMessage: 'no such book', unprocessed: false, outbound: false })
    expect([error.details, error.metadata, error.attempts]).toEqual([[], [], []])
    expect('cause' in error).toBe(false)
  })

  it('keeps what it is given', () => {
    const cause = new Error('x')
    const details = [{ type: 'a.B', value: new Uint8Array([1]) }]
    const error = new RpcError('internal', 'y', { cause, details, metadata: new Map([['k', 'v']]), unprocessed: true, outbound: true })
    expect(error).toMatchObject({ cause, details, metadata: [['k', 'v']], unprocessed: true, outbound: true })
  })

  it('has a text whatever it is given, or made from', () => {
    expect(new RpcError('aborted', undefined as never).rawMessage).toBe('undefined')
    expect(RpcError.from(Object.create(null))).toMatchObject({ code: 'unknown', rawMessage: '[object Object]' })
  })

  it('is recognised across copies of the package', () => {
    const foreign = Object.assign(new Error('x'), { [Symbol.for('beckon.RpcError')]: true })
    expect(foreign instanceof RpcError).toBe(true)
    for (const other of [new Error('x'), null, undefined, 'x', {}]) expect((other as unknown) instanceof RpcError).toBe(false)
  })

  it('can be extended, and only the extended are instances of that', () => {
    class Special extends RpcError {}
    expect(new RpcError('internal', 'x') instanceof Special).toBe(false)
    expect(new Special('internal', 'x') instanceof Special).toBe(true)
    expect(new Special('internal', 'x') instanceof RpcError).toBe(true)
  })

  describe('from', () => {
    it('leaves an RpcError as it is', () => {
      const error = new RpcError('aborted', 'x')
      expect(RpcError.from(error, 'internal')).toBe(error)
    })

    it('takes an aborted signal for canceled, and its timeout for deadline_exceeded', async () => {
      expect(RpcError.from(AbortSignal.abort().reason, 'internal').code).toBe('canceled')
      const signal = AbortSignal.timeout(1)
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      expect(RpcError.from(signal.reason).code).toBe('deadline_exceeded')
    })

    it('keeps anything else as cause', () => {
      const bug = new TypeError('bug')
      expect(RpcError.from(bug)).toMatchObject({ code: 'unknown', rawMessage: 'bug', cause: bug })
      expect(RpcError.from('text', 'internal')).toMatchObject({ code: 'internal', rawMessage: 'text', cause: 'text' })
      expect(RpcError.from(undefined)).toMatchObject({ code: 'unknown', rawMessage: 'undefined' })
    })

    it('has a text of anything', () => {
      const textless = Object.create(null) as object
      expect(RpcError.from(textless)).toMatchObject({ code: 'unknown', rawMessage: '[object Object]', cause: textless })
      expect(RpcError.from(Object.assign(new Error(), { message: 7 })).rawMessage).toBe('7')
      expect(RpcError.from(Object.assign(new Error(), { message: textless })).rawMessage).toBe('[object Object]')
    })
  })
})
