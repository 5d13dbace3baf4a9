import { credentialsMissing } from './credential-error.ts'

/** `Authorization: Bearer …`, or `X-Api-Key`, which clients send that cannot set the other one. */
export function readCredential(headers: Headers): string {
  const bearer = /^Bearer +(\S+)$/i.exec(headers.get('authorization') ?? '')?.[1]
  const credential = bearer ?? headers.get('x-api-key')?.trim()
  if (!credential) throw credentialsMissing()
  return credential
}

/** Three base64url parts. Whatever else it may be is looked up as an API key, and not found. */
export function isToken(credential: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]*$/.test(credential)
}
