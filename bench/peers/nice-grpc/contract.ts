import { hello } from '../grpc-js/contract.ts'

/** `Greeter.Hello`, the same as grpc-js's, in nice-grpc's words. */
export const definition = { hello: { ...hello, requestStream: false, responseStream: false, options: {} } } as const
