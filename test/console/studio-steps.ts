import type { Locator, Page } from 'playwright-core'
import { photoFile } from '../kit/photo.ts'

export function promptOf(page: Page): Locator {
  return page.getByRole('textbox', { name: 'Prompt' })
}

export async function chooseKind(page: Page, name: string): Promise<void> {
  await page.getByRole('radiogroup', { name: 'What to do' }).getByRole('radio', { name }).click()
}

export async function chooseModel(page: Page, name: string): Promise<void> {
  await page.getByRole('button', { name: /Model/ }).click()
  await page.getByRole('option', { name: new RegExp(`^${name}`) }).click()
}

export async function selectSize(page: Page, size: string): Promise<void> {
  await page.getByRole('combobox', { name: 'Size' }).fill(size)
  await page.keyboard.press('Escape')
}

export async function addPhoto(page: Page): Promise<void> {
  const photo = await photoFile({ width: 600, height: 400, format: 'jpeg' })
  const buffer = Buffer.from(await photo.arrayBuffer())
  await page
    .locator('input[type=file]')
    .first()
    .setInputFiles({ name: 'field.jpg', mimeType: 'image/jpeg', buffer })
  await page.getByText('600 × 400').waitFor()
}

/** As if it had been copied in another program. */
export async function pasteImage(page: Page, image: Buffer): Promise<void> {
  await page.evaluate((base64) => {
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))
    const clipboardData = new DataTransfer()
    clipboardData.items.add(new File([bytes], 'pasted.png', { type: 'image/png' }))
    document.body.dispatchEvent(
      new ClipboardEvent('paste', { bubbles: true, cancelable: true, clipboardData }),
    )
  }, image.toString('base64'))
}

/** A file that is dragged in from the desktop. */
export async function dropFile(page: Page, path: string): Promise<void> {
  const box = await page.locator('.drop-zone').boundingBox()
  if (!box) throw new Error('There is nowhere to drop')
  const desktop = await page.context().newCDPSession(page)
  const place = { x: box.x + 20, y: box.y + 20 }
  const data = { items: [], files: [path], dragOperationsMask: 1 }
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
    await desktop.send('Input.dispatchDragEvent', { type, ...place, data })
  }
}

export async function paint(page: Page): Promise<void> {
  const box = await page.getByRole('application').boundingBox()
  if (!box) throw new Error('There is nothing to paint on')
  const at = (x: number, y: number): [number, number] => [box.x + box.width * x, box.y + box.height * y]
  await page.mouse.move(...at(0.3, 0.4))
  await page.mouse.down()
  await page.mouse.move(...at(0.7, 0.5), { steps: 6 })
  await page.mouse.up()
}

/** Of an image that has come in whole. */
export async function naturalWidth(page: Page, name: string): Promise<number> {
  return page.getByRole('img', { name }).evaluate(async (element) => {
    const image = element as HTMLImageElement
    await image.decode()
    return image.naturalWidth
  })
}
