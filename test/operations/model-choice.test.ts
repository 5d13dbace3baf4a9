import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ended } from '../kit/client/operation-client.ts'
import { startTestGateway, type TestGateway } from '../kit/gateway/test-gateway.ts'
import { maskFile, photoFile } from '../kit/photo.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'

let small: ScriptedUpstream
let big: ScriptedUpstream
let gateway: TestGateway

/** Both serve the model; the first one in the file takes less. */
beforeAll(async () => {
  small = await startScriptedUpstream()
  big = await startScriptedUpstream()
  const mimeTypes = '["image/png", "image/jpeg", "image/webp"]'
  const images = `{ minCount: 1, maxCount: 1, mimeTypes: ${mimeTypes}, maxBytes: 9000000, square: false, alphaUnlessMasked: false }`
  const mask = '{ mimeTypes: ["image/webp"], maxBytes: 4000000 }'
  const limits = `{ GENERATE: { n: { max: 1 } }, EDIT: { images: ${images}, mask: ${mask} } }`
  gateway = await startTestGateway({
    file: `
providers:
  - { name: small, preset: openai, apiKey: sk-a, baseUrl: "${small.url}/v1", models: [{ name: gpt-image-2, capabilities: ${limits} }] }
  - { name: big, preset: openai, apiKey: sk-b, baseUrl: "${big.url}/v1", models: [gpt-image-2] }
`,
  })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await small.close()
  await big.close()
})

/** Which of these prompts a provider was sent, and for how many images. */
const sent = ({ calls }: ScriptedUpstream, prompts: string[]) =>
  calls.filter(({ prompt }) => prompts.includes(prompt)).map(({ prompt, n }) => [prompt, n])

const cheap = { model: 'gpt-image-2', size: '1024x1024', quality: 'LOW' }

test('a request runs on the models that take it, and on no other', async () => {
  const document = 'mutation ($input: GenerateImageInput!) { generateImage(input: $input) { id } }'
  const generate = async (prompt: string, n: number) => {
    const { data } = await gateway.graphql<{ generateImage: { id: string } }>(document, {
      input: { ...cheap, prompt, n },
    })
    return ended(gateway, data.generateImage.id)
  }
  expect(await generate('one cat', 1)).toMatchObject({ status: 'SUCCEEDED' })
  expect(await generate('four cats', 4)).toMatchObject({ status: 'SUCCEEDED' })
  const prompts = ['one cat', 'four cats']
  expect(sent(small, prompts)).toEqual([['one cat', 1]])
  expect(sent(big, prompts)).toEqual([['four cats', 4]])
})

test('what its source images are counts too', async () => {
  const document = 'mutation ($input: EditImageInput!) { editImage(input: $input) { status } }'
  const edit = async (prompt: string, count: number) => {
    const image = Array.from({ length: count }, () => ({ upload: null }))
    const photo = await photoFile()
    const files = Object.fromEntries(image.map((_, index) => [`input.image.${index}.upload`, photo]))
    return gateway.upload(document, { input: { ...cheap, prompt, image } }, files)
  }
  expect(await edit('with one photo', 1)).toEqual({ data: { editImage: { status: 'SUCCEEDED' } } })
  expect(await edit('with two photos', 2)).toEqual({ data: { editImage: { status: 'SUCCEEDED' } } })
  expect(small.paidFor('with one photo')).toBe(1)
  expect([small.paidFor('with two photos'), big.paidFor('with two photos')]).toEqual([0, 1])
})

test('a mask goes to the model that is configured for its format', async () => {
  const document = 'mutation ($input: EditImageInput!) { editImage(input: $input) { status } }'
  const image = await photoFile()
  const png = await maskFile(300, 200)
  const webp = new Blob([
    new Uint8Array(
      await sharp(await png.arrayBuffer())
        .webp({ lossless: true })
        .toBuffer(),
    ),
  ])
  const edit = (prompt: string, mask: Blob) =>
    gateway.upload(
      document,
      { input: { ...cheap, prompt, image: [{ upload: null }], mask: { upload: null } } },
      { 'input.image.0.upload': image, 'input.mask.upload': mask },
    )
  const succeeded = { data: { editImage: { status: 'SUCCEEDED' } } }
  expect(await edit('with a WebP mask', webp)).toEqual(succeeded)
  expect(await edit('with a PNG mask', png)).toEqual(succeeded)
  expect(small.paidFor('with a WebP mask')).toBe(1)
  expect([small.paidFor('with a PNG mask'), big.paidFor('with a PNG mask')]).toEqual([0, 1])
})
