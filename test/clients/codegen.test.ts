import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { preset } from '@graphql-codegen/client-preset'
import { codegen } from '@graphql-codegen/core'
import { parse } from 'graphql'
import { afterAll, beforeAll, expect, test } from 'vitest'
import config from './codegen/codegen.config.ts'

const root = join(import.meta.dirname, '../..')
const target = 'generated/'
let folder: string

/** What somebody writes with the generated types. The type checker objects to an expected error that does not come. */
const typedClient = `import type { ResultOf, VariablesOf } from '@graphql-typed-document-node/core'
import { EditDocument, ImagesDocument, UsageDocument } from './generated/graphql.ts'

type Edit = VariablesOf<typeof EditDocument>
const photo = new Blob()
export const variables: Edit = { input: { prompt: 'a rose', image: [{ upload: photo }], quality: 'LOW' } }
export const earlier: Edit = { input: { prompt: 'a rose', image: [{ imageId: '1' }], size: '1024x1024' } }
// @ts-expect-error a source is either a file or an image that is there
export const both: Edit = { input: { prompt: 'a rose', image: [{ upload: photo, imageId: '1' }] } }
// @ts-expect-error there is no such quality
export const finest: Edit = { input: { prompt: 'a rose', image: [{ upload: photo }], quality: 'FINEST' } }

export function urlOf({ partialImages: event }: ResultOf<typeof ImagesDocument>): string | null {
  return event.__typename === 'ImageFailedEvent' ? null : event.image.url
}

export function tokensOf({ usage }: ResultOf<typeof UsageDocument>): bigint[] {
  return usage.rows.map(({ totalTokens }) => BigInt(totalTokens))
}
`

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-codegen-'))
  await cp(join(import.meta.dirname, 'codegen'), folder, { recursive: true })
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** What the command graphql-codegen does with a configuration, without the three hundred packages it brings. */
async function generate(): Promise<void> {
  const documents = await readFile(join(folder, 'images.graphql'), 'utf8')
  const sections = await preset.buildGeneratesSection({
    ...config.generates[target],
    baseOutputDir: `${folder}/${target}`,
    schema: parse(await readFile(join(root, 'schema.graphql'), 'utf8')),
    documents: [{ location: 'images.graphql', rawSDL: documents, document: parse(documents) }],
    plugins: [],
    pluginMap: {},
  })
  await mkdir(join(folder, target))
  for (const section of sections) await writeFile(section.filename, await codegen(section))
}

test('the client preset of graphql-codegen makes types that hold what the schema says', async () => {
  await generate()
  await writeFile(join(folder, 'typed-client.ts'), typedClient)
  // As frontends have it: their bundler finds what an import without an ending means.
  const bundled = { target: 'esnext', module: 'preserve', allowImportingTsExtensions: true, noEmit: true }
  const compilerOptions = { ...bundled, strict: true, verbatimModuleSyntax: true, types: [] }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }))
  const tsc = join(root, 'node_modules/.bin/tsc')
  const { stdout } = await promisify(execFile)(tsc, ['-p', folder]).catch((error) => error)
  expect(stdout).toBe('')
})
