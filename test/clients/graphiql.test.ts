import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findChromium, launchChromium } from '../kit/browser/chromium.ts'
import { adminKey, startGuardedGateway } from '../kit/gateway/accounts.ts'
import type { TestGateway } from '../kit/gateway/test-gateway.ts'
import { waitMs } from '../kit/limits.ts'

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
    // Wide enough that the editors wrap no line.
    page = await browser.newPage({ viewport: { width: 2400, height: 1200 } })
    page.setDefaultTimeout(waitMs)
    page.on('request', (request) => {
      const { protocol, origin } = new URL(request.url())
      if (protocol.startsWith('http') && origin !== gateway.url) elsewhere.push(request.url())
    })
    page.on('pageerror', ({ message }) => complaints.push(message))
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text())
    })
    await page.goto(`${gateway.url}/graphql`)
  })
  afterAll(async () => {
    await browser?.close()
    await gateway[Symbol.asyncDispose]()
  })

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

  let operationId: string | undefined

  test('says at once that a key is missing, and where it goes', async () => {
    await page.locator('.graphiql-response').getByText('CREDENTIALS_MISSING').waitFor()
    const headers = page.locator('.graphiql-editor-tool .graphiql-editor:not(.hidden)')
    expect((await headers.innerText()).replaceAll('\u00a0', ' ')).toContain('"Bearer <your API key>"')
  })

  test('starts an operation from its first tab', async () => {
    await openTab('Generate')
    const response = await execute('"generateImage"')
    operationId = /"id":\s+"([^"]+)"/.exec(response)?.[1]
    expect(operationId).toBeDefined()
  })

  test('runs a subscription to its end', async () => {
    await openTab('Watch')
    await fill('Variables', { id: operationId, after: 0 })
    expect(await execute('"image_generation.completed"')).toContain('"totalTokens"')
  })

  test('reports usage', async () => {
    await openTab('Usage')
    expect(await execute('"rows"')).toContain('"operations": 1')
  })

  test('asks nobody but the gateway, and breaks no policy', () => {
    expect(elsewhere).toEqual([])
    expect(complaints.filter((text) => !text.includes('401 (Unauthorized)'))).toEqual([])
  })
})
