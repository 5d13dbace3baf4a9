import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EaselError } from '../../src/errors.ts'
import { createImageUrls, type SigningKey } from '../../src/images/image-url.ts'

const first: SigningKey = { id: 'first', secret: 'secret one' }
const second: SigningKey = { id: 'second', secret: 'secret two' }
const id = randomUUID()
const start = new Date('2026-11-21T12:00:01Z')
const hour = 3600

function createUrls(options: { at?: Date; keys?: [SigningKey, ...SigningKey[]]; maxSeconds?: number } = {}) {
  const { at = start, keys = [first], maxSeconds = 24 * hour } = options
  const publicUrl = 'https://easel.example/base/'
  return createImageUrls({ publicUrl, signingKeys: keys, defaultSeconds: hour, maxSeconds, now: () => at })
}

const later = (seconds: number) => new Date(start.getTime() + seconds * 1000)
const queryOf = (url: string) => url.slice(url.indexOf('?') + 1)

describe('a signed address', () => {
  it('tells the variant and its end to whoever verifies it', () => {
    const url = createUrls().sign(id, { variant: { width: 320, format: 'webp' } })
    expect(url.startsWith(`https://easel.example/base/images/${id}?w=320&f=webp&e=`)).toBe(true)
    expect(createUrls().verify(id, queryOf(url))).toEqual({
      variant: { width: 320, format: 'webp' },
      expiresAt: new Date('2026-11-21T13:05:00Z'),
    })
  })

  it('is the same for the same wish within five minutes', () => {
    expect(createUrls().sign(id)).toBe(createUrls({ at: later(298) }).sign(id))
    expect(createUrls().sign(id)).not.toBe(createUrls({ at: later(300) }).sign(id))
  })

  it('lives at least as long as was asked, and ends', () => {
    const query = queryOf(createUrls().sign(id))
    expect(createUrls({ at: later(hour) }).verify(id, query)).not.toBeNull()
    expect(createUrls({ at: new Date('2026-11-21T13:04:59.999Z') }).verify(id, query)).not.toBeNull()
    expect(createUrls({ at: new Date('2026-11-21T13:05:00Z') }).verify(id, query)).toBeNull()
  })

  it('is refused beyond the longest life, even when it is signed', () => {
    const query = queryOf(createUrls().sign(id, { expiresInSeconds: 24 * hour }))
    expect(createUrls().verify(id, query)).not.toBeNull()
    expect(createUrls({ maxSeconds: hour }).verify(id, query)).toBeNull()
  })

  it('stays valid while its key is still among the others, and not after', () => {
    const query = queryOf(createUrls().sign(id))
    expect(createUrls({ keys: [second, first] }).verify(id, query)).not.toBeNull()
    expect(queryOf(createUrls({ keys: [second, first] }).sign(id))).toContain('k=second')
    expect(createUrls({ keys: [second] }).verify(id, query)).toBeNull()
  })

  it('is no address of another image', () => {
    expect(createUrls().verify(randomUUID(), queryOf(createUrls().sign(id)))).toBeNull()
  })

  it('is refused with any character changed', () => {
    const urls = createUrls({ keys: [first, second] })
    const query = queryOf(urls.sign(id, { variant: { width: 320, format: 'png' } }))
    const alphabet = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=&%+.~'
    for (let at = 0; at < query.length; at++) {
      for (const character of alphabet) {
        if (query[at] === character) continue
        expect(urls.verify(id, query.slice(0, at) + character + query.slice(at + 1))).toBeNull()
      }
    }
  })

  it('is refused with its parameters in another order, doubled, added to or taken away', () => {
    const urls = createUrls()
    const query = queryOf(urls.sign(id, { variant: { width: 320 } }))
    const parts = query.split('&')
    const changes = [
      [...parts].reverse().join('&'),
      [parts[1], parts[0], ...parts.slice(2)].join('&'),
      `${query}&${parts[0]}`,
      `${parts[0]}&${query}`,
      `${query}&x=1`,
      `${query}&`,
      `${query}#`,
      `?${query}`,
      query.replace('w=320', 'w=0320'),
      query.replace('w=320', '%77=320'),
      query.replace('w=320', 'w=%3320'),
      query.replace('e=', 'e=+'),
      ...parts.map((part) => parts.filter((other) => other !== part).join('&')),
      '',
    ]
    for (const changed of changes) expect([changed, urls.verify(id, changed)]).toEqual([changed, null])
  })

  it('is never verified by chance', () => {
    fc.assert(fc.property(fc.string(), (query) => createUrls().verify(id, query) === null))
  })

  it.each([0, -1, 1.5, Number.NaN, 24 * hour + 1])('is not made for %s seconds', (expiresInSeconds) => {
    expect(() => createUrls().sign(id, { expiresInSeconds })).toThrow(EaselError)
  })

  it.each([0, 15, 4097, 20.5])('is not made for a width of %s', (width) => {
    expect(() => createUrls().sign(id, { variant: { width } })).toThrow(EaselError)
  })
})
