/** An address within the provider's, whether that ends with a slash or not. A query of the provider's goes with it. */
export function addressBelow(baseUrl: URL, path: string): URL {
  const base = baseUrl.pathname.endsWith('/') ? baseUrl : new URL(`${baseUrl.pathname}/`, baseUrl)
  const address = new URL(path, base)
  for (const [name, value] of baseUrl.searchParams) address.searchParams.append(name, value)
  return address
}
