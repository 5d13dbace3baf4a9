import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { findChromium } from '../kit/browser.ts'
import { startConsole, type TestConsole } from './console-kit.ts'
import { addPhoto, chooseKind, paint, promptOf } from './studio-steps.ts'

const chromium = findChromium()

describe.skipIf(!chromium)('a run in the Studio', () => {
  let studio: TestConsole

  beforeAll(async () => {
    studio = await startConsole({ chromium: chromium ?? '', sandboxDelayMs: 300 })
  })
  afterAll(() => studio.close())
  afterEach(async () => expect(await studio.closeWindows()).toEqual([]))

  test('goes on where it was after a reload in the middle of a run', async () => {
    const page = await studio.open('#/studio')
    await promptOf(page).fill('A reload in the middle')
    const paid = studio.gateway.sandbox?.counts().paid ?? 0
    await page.getByRole('button', { name: 'Generate' }).click()
    await page.getByRole('img', { name: 'Partial image 1' }).waitFor()
    await page.reload()
    await page.getByRole('img', { name: 'Result' }).waitFor()
    expect(await promptOf(page).inputValue()).toBe('A reload in the middle')
    expect(studio.gateway.sandbox?.counts().paid).toBe(paid + 1)
  })

  test('loses no frame when the network goes and comes back', async () => {
    const page = await studio.open('#/studio')
    await promptOf(page).fill('A cable that was pulled [sandbox:slow=2500]')
    await page.getByRole('button', { name: 'Generate' }).click()
    await page.getByText('The model is at work').waitFor()
    await page.context().setOffline(true)
    await page.getByText('Reconnecting…').waitFor()
    await studio.gateway.sandbox?.until((requests) => requests.at(-1)?.outcome === 'replied')
    await page.context().setOffline(false)
    await page.getByRole('img', { name: 'Result' }).waitFor()
    await page.getByRole('link', { name: 'All about this operation' }).click()
    await page.getByText('image_generation.completed').waitFor()
    expect(await page.getByText('image_generation.partial_image').count()).toBe(2)
  })

  test('pays once when the answer to an upload gets lost and the page is reloaded', async () => {
    const page = await studio.open('#/studio')
    await chooseKind(page, 'Edit')
    await addPhoto(page)
    await paint(page)
    await promptOf(page).fill('An answer that got lost')
    const paid = studio.gateway.sandbox?.counts().paid ?? 0
    const lost = loseNextAnswer(page)
    await page.getByRole('button', { name: 'Edit', exact: true }).click()
    await lost
    await page.reload()
    await page.getByRole('img', { name: 'Result' }).waitFor()
    expect(studio.gateway.sandbox?.counts().paid).toBe(paid + 1)
  })

  test('asks again under the same id when an answer gets lost', async () => {
    const page = await studio.open('#/studio')
    await promptOf(page).fill('Another answer that got lost')
    const paid = studio.gateway.sandbox?.counts().paid ?? 0
    const lost = loseNextAnswer(page)
    await page.getByRole('button', { name: 'Generate' }).click()
    await lost
    await page.getByText('Reconnecting…').waitFor()
    await page.getByRole('img', { name: 'Result' }).waitFor()
    expect(studio.gateway.sandbox?.counts().paid).toBe(paid + 1)
  })

  test('cancels a run', async () => {
    const page = await studio.open('#/studio')
    await promptOf(page).fill('Never mind [sandbox:hang]')
    await page.getByRole('button', { name: 'Generate' }).click()
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByText('Cancelled', { exact: true }).waitFor()
    await page.getByText('Nothing was charged').waitFor()
  })

  test('asks for what it missed after a sleep that nobody told it about', async () => {
    const page = await studio.open('#/studio')
    await page.clock.install()
    await promptOf(page).fill('Closed in the middle [sandbox:hang]')
    await page.clock.runFor(1_000)
    await page.getByRole('button', { name: 'Generate' }).click()
    await page.getByText('The model is at work').waitFor()
    const again = page.waitForRequest((request) => request.postData()?.includes('"after":2') ?? false)
    await page.clock.fastForward(60_000)
    await page.clock.runFor(5_000)
    await again
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByText('Nothing was charged').waitFor()
  })
})

/** The gateway gets the next mutation and answers it, but the answer never reaches the page. */
function loseNextAnswer(page: Page): Promise<void> {
  const lost = Promise.withResolvers<void>()
  page.route(
    '**/graphql',
    async (route) => {
      await route.fetch()
      await route.abort('connectionreset')
      lost.resolve()
    },
    { times: 1 },
  )
  return lost.promise
}
