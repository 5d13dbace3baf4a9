import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import {
  edit,
  generate,
  hash,
  makeMask,
  makePhoto,
  openSandbox,
  postForm,
  readImages,
  readPixels,
} from './sandbox-kit.ts'

async function readOne(response: Response): Promise<Buffer> {
  const [image] = await readImages(response)
  return image ?? Buffer.alloc(0)
}

describe('generation', () => {
  it('draws the same bytes for the same request in two sandboxes', async () => {
    const [first, second] = [await openSandbox(), await openSandbox()]
    const one = await readOne(await generate(first, { prompt: 'a red fox' }))
    const two = await readOne(await generate(second, { prompt: 'a red fox' }))
    expect(hash(one)).toBe(hash(two))
  })

  it('draws another picture for another prompt, and n different ones', async () => {
    const sandbox = await openSandbox()
    const three = await readImages(await generate(sandbox, { prompt: 'a red fox', n: 3 }))
    const other = await readImages(await generate(sandbox, { prompt: 'a red fix' }))
    expect(new Set([...three, ...other].map(hash)).size).toBe(4)
    const alone = await readImages(await generate(sandbox, { prompt: 'a red fox' }))
    expect(hash(alone[0] as Buffer)).toBe(hash(three[0] as Buffer))
  })

  it.each([
    ['gpt-image-1', 'auto', 1024, 1024],
    ['gpt-image-1', '1024x1024', 1024, 1024],
    ['gpt-image-1-mini', '1024x1536', 1024, 1536],
    ['gpt-image-1.5', '1536x1024', 1536, 1024],
    ['gpt-image-2', '1024x640', 1024, 640],
    ['gpt-image-2', 'auto', 1254, 1254],
    ['dall-e-2', '256x256', 256, 256],
    ['dall-e-2', '512x512', 512, 512],
    ['dall-e-3', '1792x1024', 1792, 1024],
    ['dall-e-3', '1024x1792', 1024, 1792],
  ])('%s draws %s as %d by %d', async (model, size, width, height) => {
    const sandbox = await openSandbox()
    const format = model.startsWith('dall-e') ? { response_format: 'b64_json' } : {}
    const image = await readOne(await generate(sandbox, { model, size, ...format }))
    expect(await sharp(image).metadata()).toMatchObject({ width, height, format: 'png' })
  })

  it.each([
    ['png', 100],
    ['jpeg', 100],
    ['jpeg', 20],
    ['webp', 100],
    ['webp', 0],
  ])('encodes %s at compression %d', async (output_format, output_compression) => {
    const sandbox = await openSandbox()
    const image = await readOne(await generate(sandbox, { output_format, output_compression }))
    expect((await sharp(image).metadata()).format).toBe(output_format)
  })

  it('makes smaller files for a lower output_compression', async () => {
    const sandbox = await openSandbox()
    const of = async (output_compression: number) =>
      (await readOne(await generate(sandbox, { output_format: 'jpeg', output_compression }))).length
    expect(await of(10)).toBeLessThan((await of(95)) / 2)
  })

  it.each(['png', 'webp'])(
    'leaves the corners of a transparent %s clear and its middle solid',
    async (output_format) => {
      const sandbox = await openSandbox()
      const image = await readOne(await generate(sandbox, { background: 'transparent', output_format }))
      const pixels = await readPixels(image)
      expect(pixels[3]).toBe(0)
      expect(pixels[(512 * 1024 + 512) * 4 + 3]).toBe(255)
    },
  )

  it('is opaque unless transparency is asked for', async () => {
    const sandbox = await openSandbox()
    const image = await readOne(await generate(sandbox, {}))
    expect((await sharp(image).stats()).isOpaque).toBe(true)
  })

  it('puts the same mark into the lower right corner of every picture', async () => {
    const sandbox = await openSandbox()
    const marks = new Set<string>()
    for (const prompt of ['a red fox', 'a blue sea', 'nothing']) {
      const image = sharp(await readOne(await generate(sandbox, { prompt })))
      // Below the letters the picture is darkened, so that only they are brighter than the threshold.
      const area = { left: 1024 - 18 - 41 * 3, top: 1024 - 18 - 7 * 3, width: 41 * 3, height: 7 * 3 }
      const letters = await image.extract(area).greyscale().threshold(190).raw().toBuffer()
      expect(letters.filter((value) => value === 255).length).toBeGreaterThan(500)
      marks.add(hash(letters))
    }
    expect(marks.size).toBe(1)
  })

  it('tells dall-e-3 prompts back as revised', async () => {
    const sandbox = await openSandbox()
    const response = await generate(sandbox, { model: 'dall-e-3', prompt: 'a fox' })
    expect(await response.json()).toMatchObject({
      data: [{ revised_prompt: expect.stringContaining('a fox') }],
    })
  })
})

describe('edit', () => {
  it('changes exactly the fully transparent pixels of the mask', async () => {
    const sandbox = await openSandbox()
    const [photo, mask] = [await makePhoto(1024, 1024), await makeMask(1024, 1024)]
    const files = [
      { name: 'image', bytes: photo },
      { name: 'mask', bytes: mask },
    ]
    const edited = await readPixels(await readOne(await edit(sandbox, { size: '1024x1024' }, files)))
    const [before, alpha] = [await readPixels(photo), await readPixels(mask)]
    let [kept, changed, spoiled] = [0, 0, 0]
    for (let at = 0; at < edited.length; at += 4) {
      const isSame = edited.readUInt32LE(at) === before.readUInt32LE(at)
      if (alpha[at + 3] === 0) changed += isSame ? 0 : 1
      else if (isSame) kept++
      else spoiled++
    }
    expect({ kept, spoiled }).toEqual({ kept: 1024 * 1024 - 96 * 100, spoiled: 0 })
    expect(changed).toBeGreaterThan(96 * 100 * 0.95)
  })

  it('keeps the resized input outside a mask that is resized with it', async () => {
    const sandbox = await openSandbox()
    const [photo, mask] = [await makePhoto(300, 200), await makeMask(300, 200)]
    const files = [
      { name: 'image', bytes: photo },
      { name: 'mask', bytes: mask },
    ]
    const edited = await readPixels(await readOne(await edit(sandbox, { size: '1536x1024' }, files)))
    const size = { width: 1536, height: 1024, fit: 'cover' as const }
    const before = await sharp(photo).resize(size).ensureAlpha().raw().toBuffer()
    const alpha = await sharp(mask)
      .extractChannel(3)
      .resize({ ...size, kernel: 'nearest' })
      .raw()
      .toBuffer()
    let spoiled = 0
    for (let at = 0; at < alpha.length; at++) {
      if (alpha[at] !== 0 && edited.readUInt32LE(at * 4) !== before.readUInt32LE(at * 4)) spoiled++
    }
    expect(spoiled).toBe(0)
    expect(alpha.includes(0)).toBe(true)
  })

  it('returns the input untouched under a mask without a transparent pixel', async () => {
    const sandbox = await openSandbox()
    const photo = await makePhoto(1024, 1024)
    const files = [
      { name: 'image', bytes: photo },
      { name: 'mask', bytes: await makeMask(1024, 1024, 0) },
    ]
    const edited = await readPixels(await readOne(await edit(sandbox, {}, files)))
    expect(edited.equals(await readPixels(photo))).toBe(true)
  })

  it('shows every further input as an inset', async () => {
    const sandbox = await openSandbox()
    const paint = (background: string) =>
      sharp({ create: { width: 40, height: 40, channels: 3, background } })
        .png()
        .toBuffer()
    const colors = ['#000000', '#ff0000', '#00ff00', '#0000ff']
    const files = await Promise.all(
      colors.map(async (color) => ({ name: 'image[]', bytes: await paint(color) })),
    )
    const pixels = await readPixels(await readOne(await edit(sandbox, { size: '1024x1024' }, files)))
    const at = (x: number, y: number) =>
      pixels.subarray((y * 1024 + x) * 4, (y * 1024 + x) * 4 + 3).toString('hex')
    expect([at(100, 100), at(303, 100), at(506, 100)]).toEqual(['ff0000', '00ff00', '0000ff'])
    expect(at(709, 100)).not.toBe('ffffff')
  })

  it('leaves out insets that find no room in the edited area', async () => {
    const sandbox = await openSandbox()
    const photo = await makePhoto(1024, 1024)
    const files = [
      ...Array.from({ length: 16 }, () => ({ name: 'image[]', bytes: photo })),
      { name: 'mask', bytes: await makeMask(1024, 1024) },
    ]
    expect((await edit(sandbox, {}, files)).status).toBe(200)
  })

  it.each([
    ['gpt-image-1', 300, 200, '1536x1024'],
    ['gpt-image-1', 200, 300, '1024x1536'],
    ['gpt-image-1', 200, 205, '1024x1024'],
    ['gpt-image-2', 400, 100, '2172x724'],
  ])('%s gives an input of %dx%d the size %s under auto', async (model, width, height, size) => {
    const sandbox = await openSandbox()
    const files = [{ name: 'image', bytes: await makePhoto(width, height) }]
    const response = await edit(sandbox, { model, size: 'auto' }, files)
    expect(await response.json()).toMatchObject({ size })
  })

  it('cuts the subject out when the background is to be transparent', async () => {
    const sandbox = await openSandbox()
    const files = [{ name: 'image', bytes: await makePhoto(256, 256) }]
    const pixels = await readPixels(await readOne(await edit(sandbox, { background: 'transparent' }, files)))
    expect(pixels[3]).toBe(0)
    expect(pixels[(512 * 1024 + 512) * 4 + 3]).toBe(255)
  })

  it('takes the transparency of a dall-e-2 input as its mask', async () => {
    const sandbox = await openSandbox()
    const image = await makeMask(256, 256)
    const fields = { model: 'dall-e-2', size: '256x256', response_format: 'b64_json' }
    const pixels = await readPixels(
      await readOne(await edit(sandbox, fields, [{ name: 'image', bytes: image }])),
    )
    expect(pixels.subarray(0, 4)).toEqual(Buffer.from([255, 255, 255, 255]))
    const inside = (100 * 256 + 90) * 4
    expect(pixels.subarray(inside, inside + 4)).not.toEqual(Buffer.from([255, 255, 255, 255]))
  })

  it('takes images and mask as data addresses in JSON', async () => {
    const sandbox = await openSandbox()
    const toUrl = (bytes: Buffer) => ({ image_url: `data:image/png;base64,${bytes.toString('base64')}` })
    const [photo, mask] = [await makePhoto(300, 200), await makeMask(300, 200)]
    const body = { model: 'gpt-image-1', prompt: 'a hill', images: [toUrl(photo)], mask: toUrl(mask) }
    const response = await fetch(`${sandbox.url}/v1/images/edits`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const files = [
      { name: 'image', bytes: photo },
      { name: 'mask', bytes: mask },
    ]
    expect(hash(await readOne(response))).toBe(hash(await readOne(await edit(sandbox, {}, files))))
  })
})

describe('variation', () => {
  it('draws n different pictures from the input, the same each time', async () => {
    const sandbox = await openSandbox()
    const files = [{ name: 'image', bytes: await makePhoto(256, 256) }]
    const url = `${sandbox.url}/v1/images/variations`
    const fields = { n: '2', size: '256x256', response_format: 'b64_json' }
    const first = (await readImages(await postForm(url, fields, files))).map(hash)
    const second = (await readImages(await postForm(url, fields, files))).map(hash)
    expect(new Set(first).size).toBe(2)
    expect(second).toEqual(first)
  })

  it('serves the pictures it names by address', async () => {
    const sandbox = await openSandbox()
    const files = [{ name: 'image', bytes: await makePhoto(256, 256) }]
    const response = await postForm(`${sandbox.url}/v1/images/variations`, { size: '256x256' }, files)
    const body = (await response.json()) as { data: { url: string }[] }
    const picture = await fetch(body.data[0]?.url ?? '')
    expect(picture.headers.get('content-type')).toBe('image/png')
    expect((await sharp(await picture.arrayBuffer()).metadata()).width).toBe(256)
  })

  it('forgets an address after an hour', async () => {
    let time = 1_700_000_000_000
    const sandbox = await openSandbox({ now: () => time })
    const response = await generate(sandbox, { model: 'dall-e-2', size: '256x256' })
    const body = (await response.json()) as { data: { url: string }[] }
    const url = body.data[0]?.url ?? ''
    time += 60 * 60 * 1000 - 1
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(200)
    time += 1
    expect((await fetch(url)).status).toBe(404)
  })
})
