import { readFile } from 'node:fs/promises'
import type { BrowserContextOptions, Locator, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { findChromium } from '../kit/browser/chromium.ts'
import { auditPage, keepScreenshot, startConsole, type TestConsole } from '../kit/browser/console-page.ts'
import { admin, adminKey, guarded } from '../kit/gateway/accounts.ts'

const chromium = findChromium()

describe.skipIf(!chromium)('the console', () => {
  let easel: TestConsole

  beforeAll(async () => {
    easel = await startConsole({ chromium: chromium ?? '', env: guarded })
    await run('GENERATE A lighthouse', 'gpt-image-1')
    await run('GENERATE A teapot', 'dall-e-3')
    await run('GENERATE Something else [sandbox:moderation]', 'gpt-image-1')
  })
  afterAll(() => easel.close())
  afterEach(async () => expect(await easel.closeWindows()).toEqual([]))

  test('asks for a key and keeps it in the tab alone', async () => {
    const page = await easel.open('#/studio')
    await page.getByLabel('API key').fill('not-a-key')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('This key opens nothing').waitFor()
    await keepScreenshot(page, 'sign-in')
    expect(await auditPage(page)).toEqual([])
    await signIn(page, adminKey)
    await page.reload()
    await page.getByRole('link', { name: 'Studio' }).waitFor()
    expect(await page.evaluate('JSON.stringify(localStorage) + document.cookie')).toBe('{}')
  })

  test('sends back to the sign-in page when the key stops working', async () => {
    const { secret, id } = await makeKey('Short-lived', 'MEMBER')
    const page = await easel.open('#/operations')
    await signIn(page, secret)
    await page.getByText('Nothing here yet').waitFor()
    await easel.gateway.graphql('mutation ($id: ID!) { revokeApiKey(id: $id) { id } }', { id }, admin)
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  })

  test('shows a member no admin page', async () => {
    const { secret } = await makeKey('Member', 'MEMBER')
    const page = await easel.open('#/admin')
    await signIn(page, secret)
    await page.getByText('There is no such page').waitFor()
    expect(await page.getByRole('link', { name: 'Admin' }).count()).toBe(0)
  })

  test('lists operations, filters them, and shows new ones by itself', async () => {
    const page = await openSignedIn('#/operations')
    await page.getByRole('link', { name: /A lighthouse/ }).waitFor()
    await choose(page, 'Status', 'Failed')
    await page.getByRole('link', { name: /A lighthouse/ }).waitFor({ state: 'detached' })
    await page.getByText('CONTENT_REFUSED').waitFor()
    expect(await page.locator('.operation-row').count()).toBe(1)
    expect(page.url()).toContain('status=FAILED')
    await choose(page, 'Status', 'All')
    await run('GENERATE A late one', 'gpt-image-1')
    await page.getByRole('link', { name: /A late one/ }).waitFor()
    await keepScreenshot(page, 'operations')
  })

  test('shows an operation whole, its refusal too', async () => {
    const page = await openSignedIn('#/operations?status=FAILED')
    await page.getByRole('link', { name: /Something else/ }).click()
    await page.getByText('Put the prompt in other words').waitFor()
    await page.getByText('CALLING_PROVIDER').waitFor()
    await keepScreenshot(page, 'operation-refused')
    expect(await auditPage(page)).toEqual([])
  })

  test('deletes the images and the prompt of an operation after asking once more', async () => {
    await run('GENERATE A regretted picture', 'gpt-image-1')
    const page = await openSignedIn('#/operations')
    await page.getByRole('link', { name: /A regretted picture/ }).click()
    await page.getByRole('button', { name: 'Delete images and prompt' }).click()
    await keepScreenshot(page, 'operation-delete')
    expect(await page.getByRole('heading', { name: /A regretted picture/ }).count()).toBe(1)
    await page.getByRole('button', { name: 'Yes, delete images and prompt' }).click()
    await page.getByText(/^Its images were removed/).waitFor()
    await page.getByRole('heading', { name: /A regretted picture/ }).waitFor({ state: 'detached' })
    expect(await auditPage(page)).toEqual([])
  })

  test('draws usage over time and hands it over as CSV', async () => {
    const page = await openSignedIn('#/usage?range=week')
    const row = page.getByRole('row', { name: /^dall-e-3/ })
    await row.waitFor()
    expect(await row.getByRole('cell').first().textContent()).toBe('1')
    await page.locator('.recharts-bar-rectangle path').nth(1).waitFor({ state: 'attached' })
    await choose(page, 'By', 'Kind')
    await page.getByRole('row', { name: /^Generate/ }).waitFor()
    await keepScreenshot(page, 'usage')
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'CSV' }).click(),
    ])
    expect(await readFile(await download.path(), 'utf8')).toContain('GENERATE')
  })

  test('shows an admin what the house lost, and leads to the operation', async () => {
    await run('GENERATE A raft [sandbox:reset]', 'gpt-image-1')
    const page = await openSignedIn('#/usage?range=week')
    const losses = page.getByRole('region', { name: 'Provider losses', exact: true })
    await losses.getByText('UPSTREAM_OUTCOME_UNKNOWN').waitFor()
    await keepScreenshot(page, 'usage-losses')
    expect(await auditPage(page)).toEqual([])
    await losses.getByRole('link').click()
    await page.getByRole('heading', { name: /A raft/ }).waitFor()
  })

  test('makes users, keys that are shown once, and budgets', async () => {
    const page = await openSignedIn('#/admin')
    await page.getByRole('button', { name: 'New user' }).click()
    await page.getByLabel('Name').fill('Ada')
    await page.getByRole('button', { name: 'Create' }).click()
    const card = page.getByRole('article', { name: 'Ada' })
    await card.getByRole('button', { name: 'New key' }).click()
    await page.getByLabel('What is it for?').fill('Laptop')
    await page.getByRole('button', { name: 'Make the key' }).click()
    const secret = (await page.locator('.secret').textContent()) ?? ''
    expect(await auditPage(page)).toEqual([])
    await page.getByRole('button', { name: 'I have it' }).click()
    await page.getByText(secret).waitFor({ state: 'detached' })
    const { data } = await easel.gateway.graphql<{ viewer: { name: string } }>(
      '{ viewer { name } }',
      {},
      {
        authorization: `Bearer ${secret}`,
      },
    )
    expect(data.viewer.name).toBe('Ada')
    await card.getByRole('button', { name: 'Set a limit' }).click()
    await page.getByRole('textbox', { name: /Limit/ }).fill('25')
    await page.getByRole('button', { name: 'Set it' }).click()
    await card.getByText('$25.00').first().waitFor()
    await keepScreenshot(page, 'admin')
    await card.getByRole('button', { name: 'Revoke', exact: true }).click()
    await card.getByRole('button', { name: 'Yes, revoke' }).click()
    await card.getByText(/^Revoked/).waitFor()
  })

  test('locks a user out and lets it in again, limits a key, and shows who did it', async () => {
    const { secret } = await makeKey('Grace', 'MEMBER')
    const reasonOf = async () => {
      const { errors } = await easel.gateway.graphql(
        '{ viewer { id } }',
        {},
        { authorization: `Bearer ${secret}` },
      )
      return errors?.[0]?.extensions.reason
    }
    const page = await openSignedIn('#/admin')
    const card = page.getByRole('article', { name: 'Grace' })
    await card.getByRole('button', { name: 'New key' }).click()
    await page.getByLabel('What is it for?').fill('Nightly')
    await choose(page, 'Expires', 'In 30 days')
    await page.getByLabel('Only these models').fill('gpt-image-9')
    await page.getByRole('button', { name: 'Make the key' }).click()
    await page.getByText('There is no such model here').waitFor()
    await keepScreenshot(page, 'admin-new-key')
    expect(await auditPage(page)).toEqual([])
    await page.getByLabel('Only these models').fill('gpt-image-1')
    await page.getByRole('button', { name: 'Make the key' }).click()
    await page.getByRole('button', { name: 'I have it' }).click()
    await card.getByText(/Expires .* · Only gpt-image-1/).waitFor()
    await card.getByRole('button', { name: 'Disable' }).click()
    await card.getByRole('button', { name: 'Yes, disable' }).click()
    await card.getByText(/^Disabled/).waitFor()
    expect(await reasonOf()).toBe('USER_DISABLED')
    await keepScreenshot(page, 'admin-user')
    await card.getByRole('button', { name: 'Enable' }).click()
    await card.getByText(/^Disabled/).waitFor({ state: 'detached' })
    expect(await reasonOf()).toBeUndefined()
    await card.getByRole('button', { name: 'Revoke all keys' }).click()
    await card.getByRole('button', { name: 'Yes, revoke all keys' }).click()
    await card
      .getByText(/^Revoked/)
      .nth(1)
      .waitFor()
    await card.getByRole('button', { name: 'Delete' }).click()
    await card.getByRole('button', { name: 'Yes, delete' }).click()
    await card.waitFor({ state: 'detached' })
    await page.getByRole('tab', { name: 'Audit log' }).click()
    await page.getByRole('list', { name: 'Audit log' }).getByText('Deleted').first().waitFor()
    await keepScreenshot(page, 'admin-audit')
    expect(await auditPage(page)).toEqual([])
  })

  test('sets what a user and a key may ask for, and the Studio says when a refused request may be sent again', async () => {
    const { secret } = await makeKey('Lin', 'MEMBER')
    const page = await openSignedIn('#/admin')
    const card = page.getByRole('article', { name: 'Lin' })
    await card.getByRole('button', { name: 'Set rates' }).click()
    await page.getByRole('textbox', { name: 'Images a minute' }).fill('1')
    await keepScreenshot(page, 'admin-rates')
    expect(await auditPage(page)).toEqual([])
    await page.getByRole('button', { name: 'Set them' }).click()
    await rateOf(card, 'Images a minute', '1')
    await rateOf(card, 'Requests a minute', '12,000')
    await card.getByRole('button', { name: 'Rates of Lin' }).click()
    await page.getByRole('textbox', { name: 'Operations at once' }).fill('2')
    await page.getByRole('button', { name: 'Set them' }).click()
    await card.getByText('Operations at once: 2').waitFor()

    const own = await easel.open('#/usage')
    await signIn(own, secret)
    await rateOf(own.getByRole('region', { name: 'Your rates' }), 'Images a minute', '1')
    await keepScreenshot(own, 'usage-rates')
    await own.evaluate("location.hash = '#/studio'")
    await own.getByRole('textbox', { name: 'Prompt' }).fill('A teapot in the rain')
    const refusal = own.getByRole('alert').getByText(/^You may ask for 1 image a minute/)
    // A minute may end before the second of them, but not before the third.
    for (let run = 0; run < 3 && !(await refusal.isVisible()); run++) {
      await own.getByRole('button', { name: 'Generate' }).click()
      await own.getByRole('img', { name: 'Result' }).or(refusal).first().waitFor()
    }
    expect(await refusal.textContent()).toMatch(/this would be more: try it again at \d+:\d\d:\d\d.[AP]M\.$/)
    await keepScreenshot(own, 'studio-rate')
    expect(await auditPage(own)).toEqual([])
    await own.setViewportSize({ width: 390, height: 800 })
    await keepScreenshot(own, 'studio-rate-phone')
  })

  const pages = ['#/studio', '#/operations', '#/usage', '#/admin', '#/admin?tab=models', '#/admin?tab=audit']

  // The themes differ in their colours alone.
  const rules = { light: undefined, dark: ['color-contrast'] }

  test.each(['light', 'dark'] as const)(
    'has no serious accessibility findings in the %s theme',
    async (colorScheme) => {
      const page = await openSignedIn('#/studio', { colorScheme })
      for (const hash of pages) {
        await page.evaluate(`location.hash = '${hash}'`)
        await page.getByRole('heading', { level: 1 }).waitFor({ state: 'attached' })
        await page.getByText(/^Loading|^Adding up|^Working out/).waitFor({ state: 'detached' })
        await keepScreenshot(page, `${hash.replace(/\W+/g, '')}-${colorScheme}`)
        expect(await auditPage(page, rules[colorScheme]), hash).toEqual([])
      }
    },
  )

  test.each(pages)('fits a phone: %s', async (hash) => {
    const page = await openSignedIn(hash, { viewport: { width: 360, height: 740 } })
    await page.getByRole('heading', { level: 1 }).waitFor({ state: 'attached' })
    await page.getByText(/^Loading|^Adding up|^Working out/).waitFor({ state: 'detached' })
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360)
    await keepScreenshot(page, `${hash.replace(/\W+/g, '')}-phone`)
  })

  test('keeps the chosen theme', async () => {
    const page = await openSignedIn('#/studio')
    await page.getByRole('radio', { name: 'Dark' }).click()
    await page.reload()
    await page.getByRole('radio', { name: 'Dark' }).waitFor()
    expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(23, 22, 20)')
  })

  test('can be used by keyboard alone', async () => {
    const page = await openSignedIn('#/operations')
    await page.getByRole('link', { name: /A lighthouse/ }).waitFor()
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    expect(await page.evaluate('document.activeElement.id')).toBe('main')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.getByRole('option', { name: 'Variation' }).waitFor()
    await page.keyboard.press('End')
    await page.keyboard.press('Enter')
    await page.getByText('Nothing here yet').waitFor()
  })

  async function openSignedIn(hash: string, options?: BrowserContextOptions): Promise<Page> {
    const page = await easel.open(hash, options)
    await signIn(page, adminKey)
    return page
  }

  /** `KIND prompt`, waited for until it is done. */
  async function run(text: string, model: string): Promise<void> {
    const prompt = text.replace(/^\w+ /, '')
    const { data } = await easel.gateway.graphql<{ generateImage: { id: string } }>(
      'mutation ($input: GenerateImageInput!) { generateImage(input: $input) { id } }',
      { input: { prompt, model } },
      admin,
    )
    const response = await fetch(`${easel.gateway.url}/graphql`, {
      method: 'POST',
      headers: { ...admin, 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify({
        query: 'subscription ($id: ID!) { operationStatus(operationId: $id) { status } }',
        variables: { id: data.generateImage.id },
      }),
    })
    await response.text()
  }

  async function makeKey(name: string, role: string): Promise<{ secret: string; id: string }> {
    const created = await easel.gateway.graphql<{ createUser: { id: string } }>(
      'mutation ($input: CreateUserInput!) { createUser(input: $input) { id } }',
      { input: { name, role } },
      admin,
    )
    const { data } = await easel.gateway.graphql<{
      createApiKey: { secret: string; apiKey: { id: string } }
    }>(
      'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret apiKey { id } } }',
      { input: { userId: created.data.createUser.id, name } },
      admin,
    )
    return { secret: data.createApiKey.secret, id: data.createApiKey.apiKey.id }
  }
})

/** Waits until a list of rates says so. */
async function rateOf(within: Locator, label: string, value: string): Promise<void> {
  await within.locator('dl > div').filter({ hasText: label }).getByText(value, { exact: true }).waitFor()
}

async function signIn(page: Page, key: string): Promise<void> {
  await page.getByLabel('API key').fill(key)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('navigation', { name: 'Pages' }).waitFor()
}

async function choose(page: Page, label: string, option: string): Promise<void> {
  await page.getByRole('button', { name: new RegExp(`${label}$`) }).click()
  await page.getByRole('option', { name: option, exact: true }).click()
}
