import { createHash } from 'node:crypto'
import { glob, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { preset } from '@graphql-codegen/client-preset'
import { codegen } from '@graphql-codegen/core'
import { formatDocument, stringifyDocument } from '@urql/core'
import { type DocumentNode, parse, print } from 'graphql'

const folder = fileURLToPath(new URL('.', import.meta.url))
const schemaPath = fileURLToPath(new URL('../../schema.graphql', import.meta.url))
const generatedPath = join(folder, 'generated', 'graphql.ts')
const persistedPath = join(folder, 'generated', 'persisted-documents.json')

const config = {
  useTypeImports: true,
  enumType: 'string-literal',
  scalars: {
    ID: 'string',
    Upload: 'Blob',
    BigInt: 'string',
    DateTime: 'string',
    ImageSize: 'string',
    JSON: 'unknown',
  },
}

/**
 * Types for every `.graphql` file of the console, checked against the printed schema: a document that no longer fits
 * throws. The preset's sections are run here one by one, because the command-line tool brings three hundred packages.
 */
export async function generateDocuments(schemaText: string): Promise<string> {
  const sections = await preset.buildGeneratesSection({
    baseOutputDir: 'generated/',
    schema: parse(schemaText),
    documents: await readDocuments(),
    config,
    presetConfig: { fragmentMasking: false },
    plugins: [],
    pluginMap: {},
  })
  const section = sections.find(({ filename }) => filename === 'generated/graphql.ts')
  if (!section) throw new Error('The preset makes no graphql.ts any more')
  return codegen(section)
}

async function readDocuments() {
  const paths = await Array.fromAsync(glob('**/*.graphql', { cwd: folder }))
  const read = async (path: string) => {
    const rawSDL = await readFile(join(folder, path), 'utf8')
    return { location: path, rawSDL, document: parse(rawSDL) }
  }
  return Promise.all(paths.toSorted().map(read))
}

/** Every document as it leaves the page, by its hash: through urql, which adds `__typename`, or on an event stream. */
export function listPersistedDocuments(generated: Record<string, DocumentNode>): Record<string, string> {
  const documents = Object.entries(generated).filter(([name]) => name.endsWith('Document'))
  const texts = documents.flatMap(([, each]) => [print(each), stringifyDocument(formatDocument(each))])
  return Object.fromEntries(texts.map((text) => [createHash('sha256').update(text).digest('hex'), text]))
}

if (import.meta.main) {
  await mkdir(join(folder, 'generated'), { recursive: true })
  await writeFile(generatedPath, await generateDocuments(await readFile(schemaPath, 'utf8')))
  const persisted = listPersistedDocuments(await import(generatedPath))
  await writeFile(persistedPath, JSON.stringify(persisted, null, 2))
}
