import type { Received } from './story.ts'

/* Images that come as base64 in JSON. The rest of the JSON is not read: a slow client would hide what it measures. */

function findBase64(json: Buffer, field: string): Buffer | null {
  const before = `"${field}":"`
  const at = json.indexOf(before)
  if (at < 0) return null
  const start = at + before.length
  return Buffer.from(json.toString('latin1', start, json.indexOf('"', start)), 'base64')
}

export function readImage(json: Buffer, field: string): Received {
  const image = findBase64(json, field)
  if (!image) throw new Error(`No image came: ${json.subarray(0, 500)}`)
  return { image, partials: [], firstPartialAt: null }
}

/** The last image is the one that was asked for. */
export async function readImages(events: AsyncIterable<Buffer>, field: string): Promise<Received> {
  const images: Buffer[] = []
  let firstPartialAt: number | null = null
  for await (const event of events) {
    const image = findBase64(event, field)
    if (!image) continue
    images.push(image)
    firstPartialAt ??= performance.now()
  }
  const image = images.pop()
  if (!image) throw new Error('No image came')
  return { image, partials: images, firstPartialAt }
}
