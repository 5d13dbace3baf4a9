const everywhere = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'cross-origin-resource-policy': 'same-origin',
}

/** Nothing in an answer of the API is a document; pages bring their own policy. */
const noDocument = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
}

/** What the answer itself says wins: images, for one, are for other sites too. */
export function addSecurityHeaders(headers: Headers): void {
  const isPage = headers.get('content-type')?.startsWith('text/html') ?? false
  for (const [name, value] of Object.entries({ ...everywhere, ...(isPage ? {} : noDocument) })) {
    if (!headers.has(name)) headers.set(name, value)
  }
}
