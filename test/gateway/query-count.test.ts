import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestGateway, type TestGateway } from '../kit/gateway/test-gateway.ts'
import { photoFile, smallestSize } from '../kit/photo.ts'

let gateway: TestGateway
const queries: string[] = []

const operationFields = `
  id status createdBy { id name budgets { limit } }
  metadata { stage attempts partialImages upstreamRequestIds }
  input { prompt images { id url } mask { id } }
  response { data { id url thumbHash } usage { totalTokens } }`

beforeAll(async () => {
  gateway = await startTestGateway({ onQuery: (sql) => queries.push(sql) })
})
afterAll(() => gateway[Symbol.asyncDispose]())

async function editOnce(): Promise<string> {
  const { data } = await gateway.upload<{ editImage: { id: string } }>(
    'mutation ($input: EditImageInput!) { editImage(input: $input) { id } }',
    { input: { prompt: 'x', image: [{ upload: null }], quality: 'LOW', size: smallestSize } },
    { 'input.image.0.upload': await photoFile() },
  )
  return data.editImage.id
}

/** How many statements a document takes once it is warm: the fewest of eight, as the gateway also has work of its own. */
async function countQueries(document: string): Promise<number> {
  const counts: number[] = []
  for (let run = 0; run < 9; run++) {
    queries.length = 0
    const { errors } = await gateway.graphql(document)
    expect(errors).toBeUndefined()
    counts.push(queries.length)
  }
  return Math.min(...counts.slice(1))
}

describe('the common documents', () => {
  const list = `{ operations(first: 50) { edges { node { ${operationFields} } } } }`
  const deep = `{ operations(first: 50) { edges { node { createdBy { name
    usage(from: "2020-01-01T00:00:00Z", to: "2100-01-01T00:00:00Z") { total { totalTokens } } } } } } }`
  const report = `{ usage(from: "2020-01-01T00:00:00Z", to: "2040-01-01T00:00:00Z", groupBy: [USER, DAY]) {
    rows { user { name } totalTokens } } }`

  test('take the same number of queries for one operation as for six', async () => {
    const id = await editOnce()
    const few = {
      list: await countQueries(list),
      deep: await countQueries(deep),
      report: await countQueries(report),
    }
    for (let count = 0; count < 5; count++) await editOnce()
    const many = {
      list: await countQueries(list),
      deep: await countQueries(deep),
      report: await countQueries(report),
    }
    expect(many).toEqual(few)
    expect({
      ...many,
      one: await countQueries(`{ operation(id: "${id}") { ${operationFields} } }`),
    }).toMatchInlineSnapshot(`
      {
        "deep": 3,
        "list": 8,
        "one": 8,
        "report": 2,
      }
    `)
  })
})
