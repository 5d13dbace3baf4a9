import { credentialsMissing } from './credential-error.ts'

/** Reads `Authorization: Bearer …`, or `X-Api-Key` for clients that cannot set `Authorization`. */
export function readCredential(headers: Headers): string {
  const bearer = /^Bearer +(\S+)$/i.exec(headers.get('authorization') ?? '')?.[1]
  const credential = bearer ?? headers.get('x-api-key')?.trim()
  if (!credential) throw credentialsMissing()
  return credential
}

/** Three base64url parts, of which the first begins like JSON: an operator's own key may have dots too. */
export function isToken(credential: string): boolean {
  if (!/^[\w-]+\.[\w-]+\.[\w-]*$/.test(credential)) return false
  return Buffer.from(credential.slice(0, 16), 'base64url').toString('latin1').trimStart().startsWith('{')
}
