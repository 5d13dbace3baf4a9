import { createHmac, randomUUID } from 'node:crypto'
import sharp from 'sharp'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Image } from '../../src/database/generated/client.ts'
import type { ImageVariant } from '../../src/images/images.ts'
import { createGallery, type Gallery } from './gallery.ts'
import { drawNoise, makePicture } from './pictures.ts'

let gallery: Gallery
let image: Image
let bytes: Buffer
beforeAll(async () => {
  gallery = await createGallery({ variantCacheBytes: 20_000 })
  bytes = await makePicture('png', { width: 400, height: 200, alpha: 120 })
  image = await gallery.keep(bytes)
})
beforeEach(() => {
  gallery.clock.now = new Date('2026-11-21T12:00:00Z')
})
afterAll(() => gallery.close())

interface Ask {
  method?: string
  headers?: Record<string, string>
  variant?: ImageVariant
  signal?: AbortSignal
}

const urlOf = (variant: ImageVariant = {}, of = image) => gallery.images.url(of, { variant })
const fetchUrl = (url: string, init: RequestInit = {}) => gallery.images.serve(new Request(url, init))
const ask = ({ variant, ...init }: Ask = {}) => fetchUrl(urlOf(variant), init)
const bodyOf = async (response: Response) => Buffer.from(await response.arrayBuffer())

describe('the image as it is kept', () => {
  it('is served with its detected type and headers that keep a browser from running it', async () => {
    const response = await ask()
    expect(response.status).toBe(200)
    expect(Object.fromEntries(response.headers)).toEqual({
      'accept-ranges': 'bytes',
      'access-control-allow-origin': '*',
      'cache-control': 'private, max-age=86400, immutable',
      'content-disposition': `inline; filename="${image.id}.png"`,
      'content-length': String(bytes.length),
      'content-security-policy': "sandbox; default-src 'none'",
      'content-type': 'image/png',
      'cross-origin-resource-policy': 'cross-origin',
      etag: `"${image.sha256}"`,
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    })
    expect(await bodyOf(response)).toEqual(bytes)
  })

  it('has the same headers and no body for HEAD', async () => {
    const [get, head] = [await ask(), await ask({ method: 'HEAD' })]
    expect([...head.headers]).toEqual([...get.headers])
    expect(await bodyOf(head)).toHaveLength(0)
    await get.body?.cancel()
  })

  it('is cached no longer than the address lives', async () => {
    const url = urlOf()
    gallery.clock.now = new Date('2026-11-22T11:59:00Z')
    const response = await fetchUrl(url, { method: 'HEAD' })
    expect(response.headers.get('cache-control')).toBe('private, max-age=60, immutable')
  })

  it.each(['"{}"', 'W/"{}"', '"other", "{}"', '*'])('is not sent again to who has %s', async (pattern) => {
    const response = await ask({ headers: { 'if-none-match': pattern.replace('{}', image.sha256) } })
    expect(response.status).toBe(304)
    expect(response.headers.get('etag')).toBe(`"${image.sha256}"`)
  })

  it('is sent to who has another one', async () => {
    const response = await ask({ headers: { 'if-none-match': '"other"' } })
    expect(response.status).toBe(200)
    await response.body?.cancel()
  })
})

describe('parts of an image', () => {
  it.each([
    ['bytes=0-0', 0, 0],
    ['bytes=10-19', 10, 19],
    ['bytes=10-', 10, Number.POSITIVE_INFINITY],
    ['bytes=-5', -5, Number.POSITIVE_INFINITY],
    ['bytes=5-999999999', 5, Number.POSITIVE_INFINITY],
    ['bytes=-999999999', 0, Number.POSITIVE_INFINITY],
  ])('answers %s with just that', async (range, from, to) => {
    const start = from < 0 ? bytes.length + from : from
    const end = Math.min(to, bytes.length - 1)
    const response = await ask({ headers: { range } })
    expect(response.status).toBe(206)
    expect(response.headers.get('content-range')).toBe(`bytes ${start}-${end}/${bytes.length}`)
    expect(response.headers.get('content-length')).toBe(String(end - start + 1))
    expect(await bodyOf(response)).toEqual(bytes.subarray(start, end + 1))
  })

  it.each(['bytes=999999999-', 'bytes=-0'])('answers %s with the size there is', async (range) => {
    const response = await ask({ headers: { range } })
    expect(response.status).toBe(416)
    expect(response.headers.get('content-range')).toBe(`bytes */${bytes.length}`)
  })

  it.each([
    `bytes=${Array.from({ length: 1000 }, () => '0-9').join(',')}`,
    'bytes=9-5',
    'lines=1-2',
    'bytes=a-b',
  ])('answers %.20s with everything', async (range) => {
    const response = await ask({ headers: { range } })
    expect(response.status).toBe(200)
    expect(await bodyOf(response)).toEqual(bytes)
  })

  it('answers with everything where the part would be of another image', async () => {
    const range = 'bytes=0-9'
    const other = await ask({ headers: { range, 'if-range': '"other"' } })
    expect((await bodyOf(other)).length).toBe(bytes.length)
    const same = await ask({ headers: { range, 'if-range': `"${image.sha256}"` } })
    expect((await bodyOf(same)).length).toBe(10)
  })
})

describe('resized images', () => {
  it('are as wide as asked, in the format asked, and labelled so', async () => {
    const response = await ask({ variant: { width: 160, format: 'webp' } })
    const body = await bodyOf(response)
    expect(await sharp(body).metadata()).toMatchObject({
      width: 160,
      height: 80,
      format: 'webp',
      hasAlpha: true,
    })
    expect(response.headers.get('content-type')).toBe('image/webp')
    expect(response.headers.get('content-length')).toBe(String(body.length))
    expect(response.headers.get('content-disposition')).toContain('.webp"')
    expect(response.headers.get('etag')).toBe(`"${image.sha256}-w160-webp"`)
  })

  it('have a white ground where the format knows no transparency', async () => {
    const clear = await gallery.keep(await makePicture('png', { alpha: 0 }))
    const response = await fetchUrl(urlOf({ format: 'jpeg' }, clear))
    const pixels = await sharp(await bodyOf(response))
      .raw()
      .toBuffer()
    expect(pixels.every((value) => value > 250)).toBe(true)
  })

  it('are never larger than the image', async () => {
    const response = await ask({ variant: { width: 4000 } })
    expect(await bodyOf(response)).toEqual(bytes)
  })

  it('have parts and a tag of their own', async () => {
    const variant = { width: 60 }
    const whole = await ask({ variant })
    const etag = whole.headers.get('etag') ?? ''
    const body = await bodyOf(whole)
    expect(await bodyOf(await ask({ variant, headers: { range: 'bytes=3-8' } }))).toEqual(body.subarray(3, 9))
    expect((await ask({ variant, headers: { 'if-none-match': etag } })).status).toBe(304)
    expect((await ask({ variant, headers: { range: 'bytes=99999999-' } })).status).toBe(416)
    const head = await ask({ variant, method: 'HEAD' })
    expect(head.headers.get('content-length')).toBe(String(body.length))
  })

  it('are made once for all who ask at the same time', async () => {
    // There is room for one that is made and one that waits, so a third would be turned away.
    const narrow = await createGallery({ decoders: 1, maxWaitingVariants: 1 })
    const picture = await narrow.keep(bytes)
    const request = () => new Request(narrow.images.url(picture, { variant: { width: 77 } }))
    const responses = await Promise.all(Array.from({ length: 20 }, () => narrow.images.serve(request())))
    const bodies = await Promise.all(responses.map(bodyOf))
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]))
    for (const body of bodies) expect(body).toEqual(bodies[0])
    expect(narrow.files('cache')).toHaveLength(1)
    await narrow.close()
  })

  it('are made in few widths, whatever widths are asked for', async () => {
    const few = await createGallery()
    const picture = await few.keep(await makePicture('png', { width: 700, height: 20 }))
    for (let width = 161; width <= 600; width += 37)
      await bodyOf(await few.images.serve(new Request(few.images.url(picture, { variant: { width } }))))
    const made = few.files('cache').map((name) => /-w(\d+)\./.exec(name)?.[1])
    expect(made.sort()).toEqual(['320', '480'])
    await few.close()
  })

  it('are made for an address of before widths were rounded as for one of today', async () => {
    const { pathname, searchParams } = new URL(urlOf({ width: 160 }))
    const signed = `w=150&e=${searchParams.get('e')}&k=k1`
    const signature = createHmac('sha256', gallery.secret)
      .update(`easel image 1\n${image.id}\n${signed}`)
      .digest('base64url')
    const old = await fetchUrl(`https://easel.example${pathname}?${signed}&s=${signature}`)
    expect(old.headers.get('etag')).toBe(`"${image.sha256}-w160-png"`)
    await old.body?.cancel()
  })

  it('go, the one unused for longest first, when there is no more room', async () => {
    const large = await gallery.keep(await drawNoise(900).png().toBuffer())
    for (const width of [160, 320, 480, 720])
      await bodyOf(await fetchUrl(urlOf({ width, format: 'jpeg' }, large)))
    const names = gallery.files('cache')
    expect(names).toEqual([expect.stringContaining('-w720.')])
  })

  it('go with the image', async () => {
    const operationId = await gallery.createOperation()
    const short = await gallery.keep(bytes, { operationId })
    const url = urlOf({ width: 50 }, short)
    await bodyOf(await fetchUrl(url))
    expect(gallery.files('cache').some((name) => name.startsWith(short.id))).toBe(true)
    await gallery.images.deleteImages({ operationId })
    expect(gallery.files('cache').some((name) => name.startsWith(short.id))).toBe(false)
    expect((await fetchUrl(url)).status).toBe(404)
  })
})

describe('what is refused', () => {
  const expectRefusal = async (response: Response, status: number, code: string) => {
    expect(response.status).toBe(status)
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(response.headers.has('etag')).toBe(false)
    expect(await response.json()).toEqual({ error: { code, message: expect.any(String) } })
  }

  it.each(['POST', 'PUT', 'DELETE', 'PATCH'])('refuses %s', async (method) => {
    const response = await ask({ method })
    expect(response.headers.get('allow')).toBe('GET, HEAD')
    await expectRefusal(response, 405, 'METHOD_NOT_ALLOWED')
  })

  it('refuses an address without a signature, even to who knows the tag', async () => {
    const headers = { 'if-none-match': `"${image.sha256}"` }
    await expectRefusal(
      await fetchUrl(`https://easel.example/images/${image.id}`, { headers }),
      403,
      'FORBIDDEN',
    )
  })

  it('tells nothing about which images exist', async () => {
    const missing = urlOf().replace(image.id, randomUUID())
    await expectRefusal(await fetchUrl(missing), 403, 'FORBIDDEN')
  })

  it('refuses an address after its time', async () => {
    const url = urlOf()
    gallery.clock.now = new Date('2026-11-22T12:05:01Z')
    await expectRefusal(await fetchUrl(url), 403, 'FORBIDDEN')
  })

  it('refuses an address with any byte of its path or query changed', async () => {
    const url = urlOf({ width: 320 })
    const start = url.indexOf(image.id)
    for (let at = start; at < url.length; at++) {
      const character = String.fromCharCode(url.charCodeAt(at) ^ 1)
      const response = await fetchUrl(url.slice(0, at) + character + url.slice(at + 1))
      expect([403, 404]).toContain(response.status)
    }
  })

  it.each(['', '/x', '.png', '%2e%2e', '/../x', 'A'])('knows no path that ends in %j', async (end) => {
    const url = urlOf().replace(image.id, `${end === '' ? '' : image.id}${end}`)
    await expectRefusal(await fetchUrl(url), 404, 'NOT_FOUND')
  })

  it('says 404 for an image that was deleted, in its row or in its bytes', async () => {
    const operationId = await gallery.createOperation()
    const gone = await gallery.keep(bytes, { operationId })
    await gallery.storage.delete(gone.storageKey)
    await expectRefusal(await fetchUrl(urlOf({}, gone)), 404, 'NOT_FOUND')
    await expectRefusal(await fetchUrl(urlOf({ width: 40 }, gone)), 404, 'NOT_FOUND')
    await gallery.images.deleteImages({ operationId })
    await expectRefusal(await fetchUrl(urlOf({}, gone)), 404, 'NOT_FOUND')
  })

  it('says when to come back while too many copies are being made', async () => {
    const small = await createGallery({ decoders: 1, maxWaitingVariants: 1 })
    const picture = await small.keep(await makePicture('png', { width: 1500, height: 1500 }))
    const widths = [64, 160, 320, 480, 720, 1080]
    const responses = await Promise.all(
      widths.map((width) =>
        small.images.serve(new Request(small.images.url(picture, { variant: { width } }))),
      ),
    )
    const refused = responses.filter(({ status }) => status === 503)
    expect(refused.length).toBeGreaterThan(0)
    expect(refused[0]?.headers.get('retry-after')).toBe('2')
    for (const response of responses) await response.body?.cancel()
    await small.close()
  })

  it('is one user who has too many copies waiting, while those of others are made', async () => {
    const shared = await createGallery({ decoders: 1, maxWaitingVariantsPerUser: 1 })
    const picture = await makePicture('png', { width: 1500, height: 1500 })
    const [eves, anns] = [
      await shared.keep(picture),
      await shared.keep(picture, { userId: await shared.createUser() }),
    ]
    const statusOf = async (of: Image, width: number) => {
      const response = await shared.images.serve(new Request(shared.images.url(of, { variant: { width } })))
      await response.body?.cancel()
      return response.status
    }
    const eve = [64, 160, 320, 480, 720, 1080].map((width) => statusOf(eves, width))
    const ann = statusOf(anns, 160)
    expect(await Promise.all(eve)).toContain(503)
    expect(await ann).toBe(200)
    await shared.close()
  })
})

describe('a client that leaves', () => {
  it('ends the reading', async () => {
    const large = await gallery.keep(await drawNoise(900).png().toBuffer())
    const abort = new AbortController()
    const response = await fetchUrl(urlOf({}, large), { signal: abort.signal })
    const reader = response.body?.getReader()
    expect((await reader?.read())?.done).toBe(false)
    abort.abort()
    const drain = async () => {
      for (;;) if ((await reader?.read())?.done !== false) return
    }
    await expect(drain()).rejects.toThrow()
  })
})
