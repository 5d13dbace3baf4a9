import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { findChromium, launchChromium } from '../kit/browser/chromium.ts'
import { admin, adminKey, startGuardedGateway } from '../kit/gateway/accounts.ts'
import type { TestGateway } from '../kit/gateway/test-gateway.ts'
import { waitMs } from '../kit/limits.ts'
import { until } from '../kit/until.ts'

const chromium = findChromium()

describe.skipIf(!chromium)('GraphiQL', () => {
  let gateway: TestGateway
  let browser: Browser
  let page: Page
  const elsewhere: string[] = []
  const complaints: string[] = []
  beforeAll(async () => {
    gateway = await startGuardedGateway()
    browser = await launchChromium(chromium as string)
    page = await openPage()
  })
  afterEach(() => {
    expect(elsewhere.splice(0)).toEqual([])
    expect(complaints.splice(0).filter((text) => !text.includes('401 (Unauthorized)'))).toEqual([])
  })
  afterAll(async () => {
    await browser?.close()
    await gateway[Symbol.asyncDispose]()
  })

  /** A visit of its own, which must ask nobody but the gateway and break no policy. */
  async function openPage(): Promise<Page> {
    // Wide enough that the editors wrap no line.
    const opened = await browser.newPage({ viewport: { width: 2400, height: 1200 } })
    opened.setDefaultTimeout(waitMs)
    opened.on('request', (request) => {
      const { protocol, origin } = new URL(request.url())
      if (protocol.startsWith('http') && origin !== gateway.url) elsewhere.push(request.url())
    })
    opened.on('pageerror', ({ message }) => complaints.push(message))
    opened.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text())
    })
    await opened.goto(`${gateway.url}/graphql`)
    return opened
  }

  /** An operation that has ended. */
  async function generate(): Promise<string> {
    const started = await gateway.graphql<{ generateImage: { id: string } }>(
      'mutation { generateImage(input: { prompt: "a lighthouse" }) { id } }',
      {},
      admin,
    )
    const { id } = started.data.generateImage
    await until(async () => {
      const query = 'query ($id: ID!) { operation(id: $id) { done } }'
      const { data } = await gateway.graphql<{ operation: { done: boolean } }>(query, { id }, admin)
      return data.operation.done
    })
    return id
  }

  /** By the keyboard: a click without a pause between press and release counts as the start of a drag. */
  async function openTab(name: string): Promise<void> {
    await page.getByRole('button', { name, exact: true }).press('Enter')
    await page.locator('[role=tab][aria-selected=true]', { hasText: name }).waitFor()
    await fill('Headers', { authorization: `Bearer ${adminKey}` })
  }

  /** The editors close brackets and quotes by themselves: what they add behind the text goes away again. */
  async function fill(editor: 'Variables' | 'Headers', content: object): Promise<void> {
    await page.getByRole('button', { name: editor, exact: true }).press('Enter')
    await page.locator('.graphiql-editor-tool .graphiql-editor:not(.hidden) .monaco-editor').click()
    await page.keyboard.press('ControlOrMeta+a')
    await page.keyboard.insertText(JSON.stringify(content))
    await page.keyboard.press('ControlOrMeta+Shift+End')
    await page.keyboard.press('Delete')
  }

  /** What the response shows, once it shows `text` and nothing runs any more. */
  async function execute(text: string): Promise<string> {
    const button = page.getByRole('button', { name: /^Execute query/ })
    const response = page.locator('.graphiql-response')
    await button.click()
    await response.getByText(text).waitFor()
    await button.waitFor()
    return (await response.innerText()).replaceAll('\u00a0', ' ')
  }

  test('says at once that a key is missing, and where it goes', async () => {
    const fresh = await openPage()
    await fresh.locator('.graphiql-response').getByText('CREDENTIALS_MISSING').waitFor()
    const headers = fresh.locator('.graphiql-editor-tool .graphiql-editor:not(.hidden)')
    expect((await headers.innerText()).replaceAll('\u00a0', ' ')).toContain('"Bearer <your API key>"')
    await fresh.close()
  })

  test('starts an operation from its first tab', async () => {
    await openTab('Generate')
    expect(await execute('"generateImage"')).toMatch(/"id":\s+"[^"]+"/)
  })

  test('runs a subscription to its end', async () => {
    const id = await generate()
    await openTab('Watch')
    await fill('Variables', { id, after: 0 })
    expect(await execute('"image_generation.completed"')).toContain('"totalTokens"')
  })

  test('reports usage', async () => {
    await generate()
    await openTab('Usage')
    expect(await execute('"rows"')).toMatch(/"operations": [1-9]/)
  })
})
