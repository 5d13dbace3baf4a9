/** A refusal as FastAPI words it. */
export class DetailError extends Error {
  readonly status: number
  readonly headers: Record<string, string>
  readonly detail: unknown

  constructor(status: number, detail: string | object[], headers: Record<string, string> = {}) {
    super(typeof detail === 'string' ? detail : 'Unprocessable')
    this.name = 'DetailError'
    this.status = status
    this.detail = detail
    this.headers = headers
  }

  get body() {
    return { detail: this.detail }
  }
}

export function refuseField(name: string, message: string): DetailError {
  return new DetailError(422, [{ type: 'value_error', loc: ['body', name], msg: message }])
}
