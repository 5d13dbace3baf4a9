import { createClient } from 'graphql-sse'
import sharp from 'sharp'
import { startTestGateway } from '../kit/gateway/test-gateway.ts'
import { maskFile, photoFile } from '../kit/photo.ts'

/** Makes the picture of the README: an edit from the photo to the result, as a client sees it. */

const tile = { width: 180, height: 120 }
const gap = 6

await using gateway = await startTestGateway({ sandboxDelayMs: 50 })
const photo = await photoFile({ width: 1536, height: 1024 })
const mask = await maskFile(1536, 1024)
const { data } = await gateway.upload<{ editImage: { id: string } }>(
  'mutation ($input: EditImageInput!) { editImage(input: $input) { id } }',
  {
    input: {
      prompt: 'a balloon over the hills',
      image: [{ upload: null }],
      mask: { upload: null },
      stream: true,
      partialImages: 3,
    },
  },
  { 'input.image.0.upload': photo, 'input.mask.upload': mask },
)

const client = createClient({ url: `${gateway.url}/graphql/stream` })
const query = `subscription ($id: ID!) { partialImages(operationId: $id) {
  ... on PartialImageEvent { image { url(width: 720) } } ... on ImageCompletedEvent { image { url(width: 720) } } } }`
const steps: Buffer[] = [Buffer.from(await photo.arrayBuffer()), Buffer.from(await mask.arrayBuffer())]
const events = client.iterate<{ partialImages: { image: { url: string } } }>({
  query,
  variables: { id: data.editImage.id },
})
for await (const event of events) {
  const response = await fetch(event.data?.partialImages.image.url ?? '')
  steps.push(Buffer.from(await response.arrayBuffer()))
}
client.dispose()

const tiles = await Promise.all(
  steps.map((step) => sharp(step).resize(tile).flatten({ background: '#d8d8d8' }).png().toBuffer()),
)
await sharp({
  create: {
    width: tiles.length * (tile.width + gap) - gap,
    height: tile.height,
    channels: 4,
    background: '#0000',
  },
})
  .composite(tiles.map((input, index) => ({ input, left: index * (tile.width + gap), top: 0 })))
  .webp({ quality: 80 })
  .toFile(new URL('edit.webp', import.meta.url).pathname)
