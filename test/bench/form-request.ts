import type { Request } from './client.ts'

/** A form as one buffer, so that to send it costs the client the same each time. */
export async function writeFormRequest(path: string, form: FormData): Promise<Request> {
  const response = new Response(form)
  const headers = { 'content-type': response.headers.get('content-type') ?? '' }
  return { method: 'POST', path, headers, body: Buffer.from(await response.arrayBuffer()) }
}

export function writeJsonRequest(path: string, body: object): Request {
  const headers = { 'content-type': 'application/json' }
  return { method: 'POST', path, headers, body: Buffer.from(JSON.stringify(body)) }
}

export const pngBlob = (picture: Buffer) => new Blob([new Uint8Array(picture)], { type: 'image/png' })
