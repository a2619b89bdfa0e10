/** One case of a conformance suite, to be given to any test runner. `run` rejects with an assertion error when what is tested fails it. */
export interface Case {
  readonly name: string
  run(): Promise<void>
}
