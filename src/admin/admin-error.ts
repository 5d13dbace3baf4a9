/** The exit codes, for scripts. */
export const exitCodes = {
  done: 0,
  /** The gateway refused, or failed. */
  refused: 1,
  /** The command line is wrong. */
  misused: 2,
  /** No gateway answers at the address. */
  unreachable: 3,
  /** `usage verify` found sums that are wrong, and left them. */
  disagrees: 4,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

export interface AdminErrorFacts {
  code?: string
  reason?: string
  field?: string
  requestId?: string
}

/** Ends the command with a message for people and an exit code for scripts. */
export class AdminError extends Error {
  readonly exitCode: ExitCode
  readonly facts: AdminErrorFacts

  constructor(message: string, exitCode: ExitCode, facts: AdminErrorFacts = {}) {
    super(message)
    this.name = 'AdminError'
    this.exitCode = exitCode
    this.facts = facts
  }
}
