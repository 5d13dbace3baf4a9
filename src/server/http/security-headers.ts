const everywhere = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
}

/** Of a gateway that is reached by https: browsers ask it by nothing else for a year. */
const https = { 'strict-transport-security': 'max-age=31536000' }

/** The policy for answers of the API, which are no documents. Pages set their own. */
const noDocument = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
}

export function securityHeaders(of: { isHttps: boolean; isPage: boolean }): Record<string, string> {
  return { ...everywhere, ...(of.isHttps && https), ...(of.isPage ? {} : noDocument) }
}

/** A header that the response has already stays: images, for example, may be shown on other sites. */
export function addSecurityHeaders(headers: Headers, { isHttps }: { isHttps: boolean }): void {
  const isPage = headers.get('content-type')?.startsWith('text/html') ?? false
  for (const [name, value] of Object.entries(securityHeaders({ isHttps, isPage }))) {
    if (!headers.has(name)) headers.set(name, value)
  }
}
