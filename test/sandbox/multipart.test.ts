import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readMultipart } from '../../src/sandbox/multipart.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-multipart-test-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function* cut(body: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < body.length; at += size) yield body.subarray(at, at + size)
}

function read(body: Buffer, { size = 65_536, maxFileBytes = 1024, boundary = 'X' } = {}) {
  const contentType = `multipart/form-data; boundary=${boundary}`
  return readMultipart(cut(body, size), { contentType, folder, maxFileBytes })
}

/** Looks almost like a delimiter in several places. */
const content = Buffer.concat([
  Buffer.from('\r\n--\r\n--Y\r\n-'),
  Buffer.from([0, 255, 13, 10, 45, 45]),
  Buffer.from('\r\n--'),
])

const body = Buffer.concat([
  Buffer.from('--X\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nein Hügel\r\n'),
  Buffer.from(
    '--X\r\nContent-Disposition: form-data; name="image[]"; filename="a.png"\r\nContent-Type: image/PNG\r\n\r\n',
  ),
  content,
  Buffer.from('\r\n--X\r\ncontent-disposition: form-data; name="mask"; filename="m \\"1\\".png"\r\n\r\n'),
  Buffer.from('\r\n--X\r\nContent-Disposition: form-data; name="empty"\r\n\r\n\r\n--X--'),
])

function makePart(boundary: string, parameters: string, value: string): Buffer {
  return Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; ${parameters}\r\n\r\n${value}\r\n`)
}

describe('a form', () => {
  it.each([1, 2, 3, 5, 7, 64, 65_536])('is the same when it arrives in chunks of %d', async (size) => {
    const form = await read(body, { size })
    expect(form.texts).toEqual([
      { name: 'prompt', value: 'ein Hügel' },
      { name: 'empty', value: '' },
    ])
    expect(form.files).toMatchObject([
      { name: 'image[]', filename: 'a.png', mimeType: 'image/png', bytes: content.length },
      { name: 'mask', mimeType: 'application/octet-stream', bytes: 0 },
    ])
    expect(await readFile(form.files[0]?.path ?? '')).toEqual(content)
  })

  it('may begin with a preamble and end with an epilogue', async () => {
    const wrapped = Buffer.concat([Buffer.from('hello\r\n'), body, Buffer.from('\r\nbye')])
    expect((await read(wrapped)).texts).toHaveLength(2)
  })

  it.each([
    ['a body that ends in a part', body.subarray(0, 150), 'it ends too early'],
    ['a body without its last delimiter', body.subarray(0, body.length - 6), 'it ends too early'],
    ['another boundary', makePart('Z', 'name="n"', '1'), 'it ends too early'],
    ['a part without a name', makePart('X', 'size=1', '1'), 'a part without a name'],
    ['endless headers', Buffer.from(`--X\r\n${'a: b\r\n'.repeat(10_000)}`), 'more than 16384 bytes'],
    ['an endless text', makePart('X', 'name="n"', 'x'.repeat(1024 * 1024 + 100)), 'more than 1048576 bytes'],
    ['too many parts', Buffer.concat(Array(65).fill(makePart('X', 'name="n"', '1'))), 'more than 64 parts'],
  ])('is refused for %s', async (_, broken, fault) => {
    await expect(read(broken)).rejects.toThrow(fault)
  })

  it('is refused without a boundary', async () => {
    await expect(read(body, { boundary: '' })).rejects.toThrow('no boundary')
  })

  it('is refused when a file is larger than allowed', async () => {
    await expect(read(body, { maxFileBytes: content.length - 1 })).rejects.toThrow('must be less than')
  })

  it('takes a file of exactly the allowed size', async () => {
    expect((await read(body, { maxFileBytes: content.length })).files).toHaveLength(2)
  })
})
