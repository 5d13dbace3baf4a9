export interface AccessFacts {
  auth: 'off' | 'on'
  /** Whether one works, be it the admin's or a user's. */
  hasApiKeys: boolean
  /** Of tokens, if they are taken. */
  issuer: string | null
}

/** Who may come in, as the start of the gateway tells it in one line. */
export function describeAccess({ auth, hasApiKeys, issuer }: AccessFacts): string {
  if (auth === 'off') return 'everybody on this machine, as the administrator "local"'
  const credentials = [...(hasApiKeys ? ['API keys'] : []), ...(issuer ? [`tokens of ${issuer}`] : [])]
  if (credentials.length > 0) return `holders of ${credentials.join(' and of ')}`
  return 'nobody yet: set EASEL_ADMIN_KEY, or jwt in the file that EASEL_CONFIG names'
}
