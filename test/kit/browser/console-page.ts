import { mkdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { AxeResults } from 'axe-core'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { onTestFinished } from 'vitest'
import { startTestGateway, type TestGateway } from '../gateway/test-gateway.ts'
import { waitMs } from '../limits.ts'
import { ensureConsoleBuilt } from './built-console.ts'
import { launchChromium } from './chromium.ts'

export interface TestConsole {
  url: string
  gateway: TestGateway
  /** A browser window of its own, which is closed with the test: nothing is shared with another. */
  open(hash: string, options?: BrowserContextOptions): Promise<Page>
  /** A case is over: closes all windows, which cost the next one its time, and gives what their pages complained about. */
  closeWindows(): Promise<string[]>
  /** Lets so many images of the sandbox out; the others wait until what it gives is called, or the test ends. */
  hold(images: number): () => void
  close(): Promise<void>
}

export interface TestConsoleOptions {
  chromium: string
  env?: Record<string, string>
}

/** The real gateway with the built console, and a real browser. */
export async function startConsole({ chromium, ...options }: TestConsoleOptions): Promise<TestConsole> {
  await ensureConsoleBuilt()
  const [gateway, browser] = await Promise.all([startTestGateway(options), launchChromium(chromium)])
  const heard: string[] = []
  return {
    url: gateway.url,
    gateway,
    async open(hash, contextOptions = {}) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...contextOptions })
      context.setDefaultTimeout(waitMs)
      const page = await context.newPage()
      listen(page, heard)
      await page.goto(`${gateway.url}/${hash}`)
      return page
    },
    closeWindows: async () => {
      await Promise.all(browser.contexts().map((context) => context.close()))
      return heard.splice(0)
    },
    hold(images) {
      if (!gateway.sandbox) throw new Error('The console runs on its own sandbox')
      const letGo = gateway.sandbox.hold(images)
      onTestFinished(letGo)
      return letGo
    },
    async close() {
      await browser.close()
      await gateway[Symbol.asyncDispose]()
    },
  }
}

/** Errors of scripts and of the content security policy. That a request failed is for the tests to expect. */
function listen(page: Page, heard: string[]): void {
  page.on('pageerror', ({ message }) => heard.push(message))
  page.on('console', (message) => {
    const text = message.text()
    if (message.type() === 'error' && !text.startsWith('Failed to load resource')) heard.push(text)
  })
  page.on('request', (request) => {
    const { protocol, hostname } = new URL(request.url())
    if (protocol.startsWith('http') && !['127.0.0.1', 'localhost'].includes(hostname))
      heard.push(`Request to ${hostname}`)
  })
}

const axePath = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

/** The serious and critical findings of axe, one line each; of some rules or of all. */
export async function auditPage(page: Page, rules?: readonly string[]): Promise<string[]> {
  // Through the debugger, not a script element: the content security policy stays as it is.
  await page.evaluate(await readFile(axePath, 'utf8'))
  const { violations } = (await page.evaluate(
    `axe.run(${JSON.stringify(rules ? { runOnly: rules } : {})})`,
  )) as AxeResults
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, nodes }) =>
        `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('\n')}`,
    )
}

/** Pictures of the pages for people to look at, where EASEL_SCREENSHOTS names a folder. */
export async function keepScreenshot(page: Page, name: string): Promise<void> {
  const folder = process.env.EASEL_SCREENSHOTS
  if (!folder) return
  await mkdir(folder, { recursive: true })
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true })
}
