import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheExchange, createClient, fetchExchange, type TypedDocumentNode } from '@urql/core'
import { getOperationAST, print } from 'graphql'
import { expect, test } from 'vitest'
import { paidMutations, schema } from '../../src/schema/index.ts'
import { ensureConsoleBuilt } from '../kit/browser/built-console.ts'
import { startTestGateway } from '../kit/gateway/test-gateway.ts'
import { makeFolder, removeFolder } from '../kit/temporary-folder.ts'

const root = join(import.meta.dirname, '../..')
const own = 'query Own { models { name } }'
const foreign = '{ models { name } }'

test('a gateway that enforces its list takes the documents of its file and of its console, and no other', async () => {
  await ensureConsoleBuilt()
  const folder = await makeFolder()
  const listPath = join(folder, 'list.json')
  await writeFile(listPath, JSON.stringify({ [createHash('sha256').update(own).digest('hex')]: own }))
  const file = `trustedDocuments: { file: "${listPath}", paidMutations: registered }`
  await using gateway = await startTestGateway({ file })
  expect((await gateway.graphql(own)).data).toMatchObject({ models: expect.any(Array) })
  expect((await gateway.graphql(foreign)).errors?.[0]?.extensions).toMatchObject({
    reason: 'DOCUMENT_NOT_TRUSTED',
  })
  expect(await listRefused(gateway.url)).toEqual([])
  expect((await fetch(`${gateway.url}/persisted-documents.json`)).status).toBe(404)
  await removeFolder(folder)
})

test('a list that cannot be read keeps the gateway from starting', async () => {
  const file = 'trustedDocuments: { file: nowhere.json }'
  await expect(startTestGateway({ file })).rejects.toThrow(
    /trusted documents in .*nowhere\.json cannot be read/,
  )
})

test('the mutations that cost money are those that answer with an operation, but for its cancelling and deleting', () => {
  const fields = Object.values(schema.getMutationType()?.getFields() ?? {})
  const makers = fields.filter(({ type }) => /^Operation!?$/.test(String(type))).map(({ name }) => name)
  expect(makers.filter((name) => !['cancelOperation', 'deleteOperation'].includes(name)).sort()).toEqual(
    [...paidMutations].sort(),
  )
})

/** The documents of the console, sent as its clients send them, that the gateway does not trust. */
async function listRefused(url: string): Promise<string[]> {
  const generated: Record<string, unknown> = await import(join(root, 'src/console/generated/graphql.ts'))
  const documents = Object.entries(generated).filter(([name]) => name.endsWith('Document'))
  expect(documents.length).toBeGreaterThan(20)
  const client = createClient({
    url: `${url}/graphql`,
    preferGetMethod: false,
    exchanges: [cacheExchange, fetchExchange],
  })
  const refused: string[] = []
  for (const [name, each] of documents) {
    const document = each as TypedDocumentNode<unknown, object>
    const kind = getOperationAST(document)?.operation
    const answer =
      kind === 'subscription'
        ? await askPlainly(url, print(document))
        : await client[kind ?? 'query'](document, {}).toPromise()
    if (JSON.stringify(answer).includes('DOCUMENT_NOT_TRUSTED')) refused.push(name)
  }
  return refused
}

async function askPlainly(url: string, query: string): Promise<unknown> {
  const headers = { 'content-type': 'application/json', accept: 'text/event-stream' }
  const response = await fetch(`${url}/graphql/stream`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ query }),
  })
  return response.text()
}
