/** The body of a request with files: `files` has them by their path in the variables. */
export function multipart(query: string, variables: object, files: Record<string, Blob>): FormData {
  const form = new FormData()
  const map = Object.fromEntries(Object.keys(files).map((path) => [path, [`variables.${path}`]]))
  form.set('operations', JSON.stringify({ query, variables }))
  form.set('map', JSON.stringify(map))
  for (const [path, file] of Object.entries(files)) form.set(path, file)
  return form
}
