import { Greeter } from '../../../examples/gen/hello_pb.ts'
import type { Hello } from '../../harness/load.ts'
import { definition } from '../grpc-js/contract.ts'

/** `Greeter.Hello`, the same as grpc-js's, in nice-grpc's words. */
export const contract = {
  hello: { ...definition<Hello, Hello>(Greeter.method.hello), requestStream: false, responseStream: false, options: {} },
} as const
