import { hangMs } from '../limits.ts'

/** What a gateway answers to a document, errors and all. */
export interface Answer<Data> {
  data: Data
  errors?: { message: string; path?: string[]; extensions: Record<string, unknown> }[]
  extensions?: Record<string, unknown>
}

export interface GraphqlClient {
  graphql<Data = Record<string, never>>(
    query: string,
    variables?: object,
    headers?: HeadersInit,
  ): Promise<Answer<Data>>
  /** Sends files by the multipart request specification; `files` names where each belongs. */
  upload<Data = Record<string, never>>(
    query: string,
    variables: object,
    files: Record<string, Blob>,
    headers?: HeadersInit,
  ): Promise<Answer<Data>>
}

export function createGraphqlClient(url: string): GraphqlClient {
  return {
    graphql: (query, variables = {}, headers = {}) =>
      post(url, JSON.stringify({ query, variables }), { 'content-type': 'application/json', ...headers }),
    upload: (query, variables, files, headers = {}) => post(url, multipart(query, variables, files), headers),
  }
}

async function post<Data>(url: string, body: BodyInit, headers: HeadersInit): Promise<Answer<Data>> {
  const signal = AbortSignal.timeout(hangMs)
  const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body, signal })
  return (await response.json()) as Answer<Data>
}

export function multipart(query: string, variables: object, files: Record<string, Blob>): FormData {
  const paths = Object.keys(files)
  const form = new FormData()
  form.set('operations', JSON.stringify({ query, variables }))
  form.set(
    'map',
    JSON.stringify(Object.fromEntries(paths.map((path, index) => [index, [`variables.${path}`]]))),
  )
  for (const [index, path] of paths.entries()) form.set(`${index}`, files[path] as Blob, `${path}.png`)
  return form
}
