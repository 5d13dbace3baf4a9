/** The body of an answer, as GraphQL over HTTP has it. */
export interface Answer<Data> {
  data?: Data | null
  errors?: { extensions?: { code: unknown } }[]
}

export class AnswerError extends Error {
  readonly code: unknown

  constructor({ errors }: Answer<unknown>) {
    super('The gateway answered with errors')
    this.code = errors?.[0]?.extensions?.code
  }
}

export function unwrap<Data>(answer: Answer<Data>): Data {
  if (!answer.data) throw new AnswerError(answer)
  return answer.data
}

export function codeOf(error: unknown): unknown {
  return error instanceof AnswerError && error.code
}
