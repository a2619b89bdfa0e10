/** A suite that somebody else wrote, run against this package. */
export interface Suite {
  readonly name: string
  run(tools: Tools): Promise<Outcome>
}

/** What a suite came to. */
export interface Outcome {
  readonly passed: number
  /** What failed and why, as the suite tells it; one per case. */
  readonly failures: readonly string[]
}

/** What suites are run with. */
export interface Tools {
  /** A folder of this run's own. */
  readonly folder: string
  /** PEM files of an authority and of one certificate for 127.0.0.1 and localhost. */
  readonly files: { readonly ca: string; readonly cert: string; readonly key: string }
}
