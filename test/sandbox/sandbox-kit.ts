import { createHash } from 'node:crypto'
import sharp from 'sharp'
import { afterEach, expect } from 'vitest'
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/sandbox.ts'

const opened = new Set<Sandbox>()
const errors: unknown[] = []

/** A sandbox without pauses that ends with the test. */
export async function openSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const sandbox = await startSandbox({ delayMs: 0, onError: (error) => errors.push(error), ...options })
  opened.add(sandbox)
  return sandbox
}

afterEach(async () => {
  const closing = [...opened].map((sandbox) => sandbox.close())
  opened.clear()
  await Promise.all(closing)
  expect(errors.splice(0)).toEqual([])
})

export function postJson(
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
}

export function generate(
  sandbox: Sandbox,
  body: object,
  headers?: Record<string, string>,
): Promise<Response> {
  return postJson(
    `${sandbox.url}/v1/images/generations`,
    { model: 'gpt-image-1', prompt: 'a hill', ...body },
    headers,
  )
}

export interface FormFile {
  name: string
  bytes: Uint8Array
  type?: string
}

export function postForm(url: string, fields: Record<string, string>, files: FormFile[]): Promise<Response> {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.append(name, value)
  for (const { name, bytes, type = 'image/png' } of files) {
    form.append(name, new File([new Uint8Array(bytes)], 'picture.png', { type }))
  }
  return fetch(url, { method: 'POST', body: form })
}

export function edit(sandbox: Sandbox, fields: Record<string, string>, files: FormFile[]): Promise<Response> {
  const all = { model: 'gpt-image-1', prompt: 'a hill', ...fields }
  return postForm(`${sandbox.url}/v1/images/edits`, all, files)
}

/** A photo-like picture: no two neighbours are alike, so that any shift or mixing shows. */
export async function makePhoto(width: number, height: number, tint = 0): Promise<Buffer> {
  const pixels = Buffer.alloc(width * height * 3)
  for (let at = 0; at < width * height; at++) {
    pixels[at * 3] = (at * 7 + tint) % 256
    pixels[at * 3 + 1] = (Math.floor(at / width) * 3 + tint) % 256
    pixels[at * 3 + 2] = (at * at + tint) % 256
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 1 })
    .toBuffer()
}

/** White, with a fully transparent box that is crossed by a nearly transparent stripe. */
export async function makeMask(width: number, height: number, box = 100): Promise<Buffer> {
  const pixels = Buffer.alloc(width * height * 4, 255)
  for (let y = 50; y < 50 + box; y++) {
    for (let x = 60; x < 60 + box; x++) pixels[(y * width + x) * 4 + 3] = x >= 100 && x < 104 ? 1 : 0
  }
  return sharp(pixels, { raw: { width, height, channels: 4 } })
    .png()
    .toBuffer()
}

export interface ImageBody {
  created: number
  data: { b64_json: string; url: string; revised_prompt: string }[]
  background: string
  output_format: string
  quality: string
  size: string
  usage: Record<string, unknown>
  error: { message: string; type: string; param: string | null; code: string | null }
}

export async function readBody(response: Response): Promise<ImageBody> {
  return (await response.json()) as ImageBody
}

export async function readImages(response: Response): Promise<Buffer[]> {
  const body = await readBody(response)
  expect(body.error, JSON.stringify(body.error)).toBeUndefined()
  return body.data.map(({ b64_json }) => Buffer.from(b64_json, 'base64'))
}

export async function readPixels(bytes: Buffer): Promise<Buffer> {
  return sharp(bytes).ensureAlpha().raw().toBuffer()
}

export function hash(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
