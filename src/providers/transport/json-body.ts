import type { RequestBody } from './transport.ts'

export function createJsonBody(value: unknown): RequestBody {
  const bytes = Buffer.from(JSON.stringify(value))
  return {
    contentType: 'application/json',
    byteLength: bytes.length,
    open: async function* () {
      yield bytes
    },
  }
}
