import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { findChromium } from '../kit/browser/chromium.ts'
import { startConsole, type TestConsole } from '../kit/browser/console-page.ts'
import { addPhoto, chooseKind, paint, promptOf } from './studio-steps.ts'

const chromium = findChromium()

describe.skipIf(!chromium)('a run in the Studio', () => {
  let studio: TestConsole

  beforeAll(async () => {
    studio = await startConsole({ chromium: chromium ?? '' })
  })
  afterAll(() => studio.close())
  afterEach(async () => expect(await studio.closeWindows()).toEqual([]))

  test('goes on where it was after a reload in the middle of a run', async () => {
    const page = await studio.open('#/studio')
    await promptOf(page).fill('A reload in the middle')
    const paid = studio.gateway.sandbox?.counts().paid ?? 0
    const letGo = studio.hold(1)
    await page.getByRole('button', { name: 'Generate' }).click()
    await page.getByRole('img', { name: 'Partial image 1' }).waitFor()
    await page.reload()
    letGo()
    await page.getByRole('img', { name: 'Result' }).waitFor()
    expect(await promptOf(page).inputValue()).toBe('A reload in the middle')
    expect(studio.gateway.sandbox?.counts().paid).toBe(paid + 1)
  })

  test('loses no frame when the network goes and comes back', async () => {
    const page = await studio.open('#/studio')
    await promptOf(page).fill('A cable that was pulled')
    const letGo = studio.hold(0)
    await page.getByRole('button', { name: 'Generate' }).click()
    await page.getByText('The model is at work').waitFor()
    await page.context().setOffline(true)
    await page.getByText('Reconnecting…').waitFor()
    letGo()
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
    const { lost, letTryAgain } = await loseNextAnswer(page)
    await page.getByRole('button', { name: 'Edit', exact: true }).click()
    await lost
    await page.reload()
    letTryAgain()
    await page.getByRole('img', { name: 'Result' }).waitFor()
    expect(studio.gateway.sandbox?.counts().paid).toBe(paid + 1)
  })

  test('asks again under the same id when an answer gets lost', async () => {
    const page = await studio.open('#/studio')
    await promptOf(page).fill('Another answer that got lost')
    const paid = studio.gateway.sandbox?.counts().paid ?? 0
    const { lost, letTryAgain } = await loseNextAnswer(page)
    await page.getByRole('button', { name: 'Generate' }).click()
    await lost
    await page.getByText('Reconnecting…').waitFor()
    letTryAgain()
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

/** The gateway gets the next mutation and answers it, but the answer never reaches the page. Another try waits. */
async function loseNextAnswer(page: Page): Promise<{ lost: Promise<void>; letTryAgain: () => void }> {
  const [lost, allowed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let tries = 0
  await page.route('**/graphql', async (route) => {
    if (!route.request().postData()?.includes('mutation')) return route.fallback()
    tries++
    if (tries > 1) {
      await allowed.promise
      return route.fallback()
    }
    await route.fetch()
    await route.abort('connectionreset')
    lost.resolve()
  })
  return { lost: lost.promise, letTryAgain: allowed.resolve }
}
