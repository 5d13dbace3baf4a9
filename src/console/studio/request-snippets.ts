import { print } from 'graphql'
import { CreateVariationDocument, EditImageDocument, GenerateImageDocument } from '../generated/graphql.ts'
import type { StudioRequest } from './request-input.ts'

export interface Snippets {
  graphql: string
  curl: string
}

const documents = {
  GENERATE: GenerateImageDocument,
  EDIT: EditImageDocument,
  VARIATION: CreateVariationDocument,
}

interface SnippetOptions {
  request: StudioRequest
  url: string
  isSignedIn: boolean
}

/** This request as code, ready to run after the key and the names of the files are filled in. */
export function writeSnippets({ request, url, isSignedIn }: SnippetOptions): Snippets {
  const query = print(documents[request.kind])
  const files = new Map<string, string>()
  const input = withoutFiles(request.input, 'variables.input', files)
  const variables = { input }
  const operations = JSON.stringify({ query: query.replace(/\s+/g, ' '), variables })
  const lines = [`curl ${quote(url)}`]
  if (isSignedIn) lines.push(`-H "Authorization: Bearer $EASEL_KEY"`)
  if (files.size === 0) lines.push(`-H 'Content-Type: application/json'`, `-d ${quote(operations)}`)
  else lines.push(...formFields(operations, files))
  return {
    graphql: `${query}\n\n# Variables\n${JSON.stringify(variables, null, 2)}`,
    curl: lines.join(' \\\n  '),
  }
}

function formFields(operations: string, files: Map<string, string>): string[] {
  const entries = [...files]
  const map = Object.fromEntries(entries.map(([path], at) => [at, [path]]))
  const fields = entries.map(([, name], at) => `-F ${quote(`${at}=@${name}`)}`)
  return [`-F ${quote(`operations=${operations}`)}`, `-F ${quote(`map=${JSON.stringify(map)}`)}`, ...fields]
}

/** The value with null in place of every file, and the path of each file. */
function withoutFiles(value: unknown, path: string, files: Map<string, string>): unknown {
  if (value instanceof Blob) {
    files.set(
      path,
      value instanceof File && value.name ? value.name : path.includes('mask') ? 'mask.png' : 'image.png',
    )
    return null
  }
  if (Array.isArray(value)) return value.map((each, at) => withoutFiles(each, `${path}.${at}`, files))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([, each]) => each !== undefined && each !== null)
  return Object.fromEntries(entries.map(([key, each]) => [key, withoutFiles(each, `${path}.${key}`, files)]))
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
