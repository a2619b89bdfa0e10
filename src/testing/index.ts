/**
 * For tests of what is built with or for beckon: conformance suites for drivers, and a clock turned by hand.
 *
 * @packageDocumentation
 */

export { type BalancerSuiteOptions, balancerSuite } from './balancer.ts'
export type { Case } from './case.ts'
export { type ManualClock, manualClock } from './clock.ts'
export { type RegistrySuiteOptions, registrySuite } from './registry.ts'
export { type TransportSuiteOptions, transportSuite } from './transport.ts'
