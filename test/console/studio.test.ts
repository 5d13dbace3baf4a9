import { execFile, spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { findChromium } from '../kit/browser/chromium.ts'
import { auditPage, keepScreenshot, startConsole, type TestConsole } from '../kit/browser/console-page.ts'
import { maskFile, photoFile } from '../kit/photo.ts'
import {
  addPhoto,
  chooseKind,
  chooseModel,
  dropFile,
  naturalWidth,
  paint,
  pasteImage,
  promptOf,
  selectSize,
} from './studio-steps.ts'

const run = promisify(execFile)
const chromium = findChromium()

describe.skipIf(!chromium)('the Studio', () => {
  let studio: TestConsole

  beforeAll(async () => {
    studio = await startConsole({ chromium: chromium ?? '' })
  })
  afterAll(() => studio.close())
  afterEach(async () => expect(await studio.closeWindows()).toEqual([]))

  test('generates an image, partial ones first, and says that it is a sandbox', async () => {
    const page = await studio.open('#/studio')
    await page.getByText('drawn by Easel’s own sandbox').waitFor()
    await promptOf(page).fill('A teapot in the rain')
    await page.getByRole('region', { name: 'Estimated cost' }).getByText('$').first().waitFor()
    const letGo = studio.hold(1)
    await page.getByRole('button', { name: 'Generate' }).click()
    await page.getByRole('img', { name: 'Partial image 1' }).waitFor()
    await keepScreenshot(page, 'studio-partial')
    letGo()
    await page.getByRole('img', { name: 'Result' }).waitFor()
    expect(await naturalWidth(page, 'Result')).toBeGreaterThan(0)
    expect(page.url()).toContain('#/studio?operation=')
    await keepScreenshot(page, 'studio-generated')
    expect(await auditPage(page)).toEqual([])
  })

  test('edits a dropped photo where it was painted, and compares before and after', async () => {
    const page = await studio.open('#/studio')
    await chooseKind(page, 'Edit')
    await addPhoto(page)
    await paint(page)
    await page.getByText('As painted over').waitFor()
    await promptOf(page).fill('A hot-air balloon')
    await keepScreenshot(page, 'studio-mask')
    await page.getByRole('button', { name: 'Edit', exact: true }).click()
    await page.getByRole('img', { name: 'Result' }).waitFor()
    const sent = studio.gateway.sandbox?.requests().at(-1)
    expect(sent?.files.map(({ name }) => name)).toEqual(['image', 'mask'])
    expect(await maskOfLastOperation()).toEqual({ width: 600, height: 400, painted: true, whole: false })
    await page.getByRole('radio', { name: 'Compare' }).click()
    const line = page.getByRole('slider', { name: 'Before and after' })
    await line.press('ArrowLeft')
    expect(await line.inputValue()).toBe('49')
    await keepScreenshot(page, 'studio-compare')
    expect(await auditPage(page)).toEqual([])
  })

  test('paints, erases and takes back by keyboard alone', async () => {
    const page = await studio.open('#/studio')
    await chooseKind(page, 'Edit')
    await addPhoto(page)
    const mask = page.getByRole('application')
    await mask.focus()
    await mask.press('ArrowLeft')
    await mask.press('Space')
    await page.getByText('As painted over').waitFor()
    await mask.press('Control+z')
    await page.getByText('Paint over the image').waitFor()
    expect(await page.getByRole('button', { name: 'Undo' }).isDisabled()).toBe(true)
  })

  test('edits and varies a result without another upload', async () => {
    const page = await studio.open('#/studio')
    await promptOf(page).fill('A square pond')
    await selectSize(page, '1024x1024')
    await page.getByRole('button', { name: 'Generate' }).click()
    await page.getByRole('button', { name: 'Edit this' }).click()
    await page.getByText('no upload needed').waitFor()
    await promptOf(page).fill('With a duck')
    await page.getByRole('button', { name: 'Edit', exact: true }).click()
    await page.getByText('Succeeded').waitFor()
    await page.getByRole('link', { name: 'All about this operation' }).click()
    await page.getByRole('heading', { name: 'Where it came from' }).waitFor()
    await page.getByRole('link', { name: /A square pond/ }).waitFor()
    await keepScreenshot(page, 'operation')
    expect(await auditPage(page)).toEqual([])
  })

  test('takes images that are dropped or pasted, as many as the model does', async () => {
    const page = await studio.open('#/studio')
    await chooseKind(page, 'Edit')
    const photo = Buffer.from(await (await photoFile()).arrayBuffer())
    const path = join(studio.gateway.folder, 'dropped.png')
    await writeFile(path, photo)
    await pasteImage(page, photo)
    await page.getByRole('img', { name: 'Source 1: pasted.png' }).waitFor()
    await dropFile(page, path)
    await page.getByRole('img', { name: 'Source 2: dropped.png' }).waitFor()
    await page.getByRole('button', { name: 'Remove source 2' }).click()
    await chooseModel(page, 'dall-e-2')
    await page.getByText('Image', { exact: true }).waitFor()
    expect(await page.locator('.drop-zone').count()).toBe(0)
  })

  test('shows how much of a large file has gone out', async () => {
    const page = await studio.open('#/studio')
    await chooseKind(page, 'Edit')
    const noise = await sharp({
      create: {
        width: 900,
        height: 900,
        channels: 3,
        background: '#888',
        noise: { type: 'gaussian', mean: 128, sigma: 60 },
      },
    })
      .png()
      .toBuffer()
    const file = { name: 'noise.png', mimeType: 'image/png', buffer: noise }
    await page.locator('input[type=file]').first().setInputFiles(file)
    await promptOf(page).fill('Calmer')
    const network = await page.context().newCDPSession(page)
    const slow = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 50_000 }
    await network.send('Network.enable')
    await network.send('Network.emulateNetworkConditions', slow)
    await page.getByRole('button', { name: 'Edit', exact: true }).click()
    await page.getByRole('progressbar').waitFor()
    await page.getByText('Uploading').waitFor()
    await network.send('Network.emulateNetworkConditions', { ...slow, uploadThroughput: -1 })
    await page.getByRole('img', { name: 'Result' }).waitFor()
  })

  test('fills the form in again as it was for an operation', async () => {
    const page = await studio.open('#/studio')
    await promptOf(page).fill('The same again')
    await selectSize(page, '1024x1536')
    await page.getByRole('button', { name: 'Generate' }).click()
    await page.getByRole('link', { name: 'All about this operation' }).click()
    await page.getByRole('button', { name: 'Use again' }).click()
    await page.getByText('A blank canvas').waitFor()
    expect(await promptOf(page).inputValue()).toBe('The same again')
    expect(await page.getByRole('combobox', { name: 'Size' }).inputValue()).toBe('1024x1536')
  })

  test('shows images under another name of the gateway too', async () => {
    const page = await studio.open('#/studio')
    await page.goto(studio.url.replace('127.0.0.1', 'localhost'))
    await promptOf(page).fill('By another name')
    await page.getByRole('button', { name: 'Generate' }).click()
    await page.getByRole('img', { name: 'Result' }).waitFor()
    expect(await naturalWidth(page, 'Result')).toBeGreaterThan(0)
  })

  test('builds the form from the model, whichever it is', async () => {
    const page = await studio.open('#/studio')
    await chooseModel(page, 'yandex-art')
    await page.getByRole('textbox', { name: 'Seed' }).waitFor()
    await page.getByRole('group', { name: 'Aspect ratio' }).waitFor()
    expect(await page.getByLabel('Quality').count()).toBe(0)
    await promptOf(page).fill('A kite')
    await page.getByRole('button', { name: 'Draw a seed' }).click()
    const seed = await page.getByRole('textbox', { name: 'Seed' }).inputValue()
    await page.getByRole('button', { name: 'Generate' }).click()
    await page.getByRole('img', { name: 'Result' }).waitFor()
    const { data } = await lastOperation()
    expect(data.operations.edges[0]?.node.input.seed).toBe(seed)
  })

  test('shows what is wrong beside the field it is wrong in', async () => {
    const page = await studio.open('#/studio')
    await promptOf(page).fill('Anything')
    await page.getByRole('combobox', { name: 'Size' }).fill('10x10')
    const size = page.locator('.field', { has: page.getByRole('combobox', { name: 'Size' }) })
    await size.locator('.field-error').getByText('10x10').waitFor()
    await keepScreenshot(page, 'studio-bad-size')
  })

  test('says which mask is no mask', async () => {
    const page = await studio.open('#/studio')
    await chooseKind(page, 'Edit')
    await addPhoto(page)
    const mask = Buffer.from(await (await maskFile(100, 100)).arrayBuffer())
    const file = { name: 'small.png', mimeType: 'image/png', buffer: mask }
    await page.locator('input[type=file]').last().setInputFiles(file)
    await page.getByText('small.png').waitFor()
    await promptOf(page).fill('Anything')
    const asked = studio.gateway.sandbox?.counts().requests
    await page.getByRole('button', { name: 'Edit', exact: true }).click()
    await page.getByRole('alert').getByText(/size/i).waitFor()
    expect(studio.gateway.sandbox?.counts().requests).toBe(asked)
  })

  test('tells why a provider refused, and what to do', async () => {
    const page = await studio.open('#/studio')
    await promptOf(page).fill('Something forbidden [sandbox:moderation]')
    await page.getByRole('button', { name: 'Generate' }).click()
    await page.getByText('CONTENT_REFUSED').waitFor()
    await page.getByText('Put the prompt in other words').waitFor()
    await keepScreenshot(page, 'studio-refused')
    expect(await auditPage(page)).toEqual([])
  })

  test('gives the request as code', async () => {
    const page = await studio.open('#/studio')
    await promptOf(page).fill("A sailor's knot")
    await page.getByRole('button', { name: 'Code' }).click()
    await page.locator('.snippet').getByText('mutation GenerateImage').waitFor()
    await page.getByRole('tab', { name: 'curl' }).click()
    await page.locator('.snippet').getByText(`curl '${studio.url}/graphql'`).waitFor()
    await keepScreenshot(page, 'studio-code')
    expect(await auditPage(page)).toEqual([])
  })

  test.skipIf(!hasCurl())('gives curl that uploads the same files and runs as it is', async () => {
    const page = await studio.open('#/studio')
    await chooseKind(page, 'Edit')
    await addPhoto(page)
    await paint(page)
    await promptOf(page).fill("Somebody's kite")
    await page.getByRole('button', { name: 'Code' }).click()
    await page.getByRole('tab', { name: 'curl' }).click()
    const curl = (await page.locator('.snippet pre').textContent()) ?? ''
    const cwd = studio.gateway.folder
    const files = {
      'field.jpg': await photoFile({ width: 600, height: 400 }),
      'mask.png': await maskFile(600, 400),
    }
    for (const [name, file] of Object.entries(files)) {
      await writeFile(join(cwd, name), Buffer.from(await file.arrayBuffer()))
    }
    const { stdout: answer } = await run('sh', ['-c', `${curl} --silent`], { cwd })
    expect(JSON.parse(answer)).toEqual({ data: { editImage: { id: expect.any(String) } } })
  })

  test('fits a phone', async () => {
    const page = await studio.open('#/studio', { viewport: { width: 360, height: 740 } })
    await chooseKind(page, 'Edit')
    await addPhoto(page)
    await page.getByRole('application').waitFor()
    const width = await page.evaluate(() => document.documentElement.scrollWidth)
    expect(width).toBe(360)
    await keepScreenshot(page, 'studio-phone')
  })

  interface LastOperation {
    operations: {
      edges: { node: { input: { seed: string | null; mask: { url: string } | null } } }[]
    }
  }

  function lastOperation() {
    return studio.gateway.graphql<LastOperation>(
      '{ operations(first: 1) { edges { node { input { seed mask { url } } } } } }',
    )
  }

  /** The mask as the gateway kept it, read with other eyes than the browser's. */
  async function maskOfLastOperation() {
    const { data } = await lastOperation()
    const response = await fetch(data.operations.edges[0]?.node.input.mask?.url ?? '')
    const mask = sharp(Buffer.from(await response.arrayBuffer()))
    const { width, height } = await mask.metadata()
    const alpha = await mask.extractChannel('alpha').raw().toBuffer()
    return { width, height, painted: alpha.includes(0), whole: alpha.every((value) => value === 0) }
  }
})

function hasCurl(): boolean {
  return spawnSync('curl', ['--version']).status === 0
}
