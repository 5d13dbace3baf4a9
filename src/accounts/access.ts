export interface AccessFacts {
  auth: 'off' | 'on'
  /** Whether any API key works, the admin's or a user's. */
  hasApiKeys: boolean
  /** The issuer of tokens; null where tokens are not accepted. */
  issuer: string | null
}

/** Describes in one line who may use the gateway, for its start. */
export function describeAccess({ auth, hasApiKeys, issuer }: AccessFacts): string {
  if (auth === 'off') return 'everybody on this machine, as the administrator "local"'
  const credentials = [...(hasApiKeys ? ['API keys'] : []), ...(issuer ? [`tokens of ${issuer}`] : [])]
  if (credentials.length > 0) return `holders of ${credentials.join(' and of ')}`
  return 'nobody yet: set EASEL_ADMIN_KEY, or jwt in the file that EASEL_CONFIG names'
}
