/** A path below a base address, whether that ends in a slash or not. */
export function addressBelow(baseUrl: URL, path: string): URL {
  const base = baseUrl.pathname.endsWith('/') ? baseUrl : new URL(`${baseUrl.pathname}/`, baseUrl)
  return new URL(path, base)
}
