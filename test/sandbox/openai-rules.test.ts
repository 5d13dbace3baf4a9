import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import {
  edit,
  type FormFile,
  generate,
  makeMask,
  makePhoto,
  openSandbox,
  postForm,
  readBody,
} from './sandbox-kit.ts'

/** Request members, then the code and the parameter of the refusal. */
const generations: [string, object, string, string][] = [
  ['response_format at a GPT model', { response_format: 'b64_json' }, 'unknown_parameter', 'response_format'],
  ['a null response_format', { response_format: null }, 'unknown_parameter', 'response_format'],
  ['style at a GPT model', { style: 'vivid' }, 'unknown_parameter', 'style'],
  ['input_fidelity without an input', { input_fidelity: 'high' }, 'unknown_parameter', 'input_fidelity'],
  ['a made-up parameter', { seed: 7 }, 'unknown_parameter', 'seed'],
  ['stream at dall-e-2', { model: 'dall-e-2', stream: true }, 'unknown_parameter', 'stream'],
  ['background at dall-e-3', { model: 'dall-e-3', background: 'opaque' }, 'unknown_parameter', 'background'],
  ['style at dall-e-2', { model: 'dall-e-2', style: 'vivid' }, 'unknown_parameter', 'style'],
  ['a wrong size', { size: '512x512' }, 'invalid_value', 'size'],
  ['auto size at dall-e-2', { model: 'dall-e-2', size: 'auto' }, 'invalid_value', 'size'],
  ['an odd size at gpt-image-2', { model: 'gpt-image-2', size: '1000x1000' }, 'invalid_value', 'size'],
  ['a long edge at gpt-image-2', { model: 'gpt-image-2', size: '3856x1600' }, 'invalid_value', 'size'],
  ['a thin picture at gpt-image-2', { model: 'gpt-image-2', size: '3200x1024' }, 'invalid_value', 'size'],
  ['a tiny picture at gpt-image-2', { model: 'gpt-image-2', size: '512x512' }, 'invalid_value', 'size'],
  ['a huge picture at gpt-image-2', { model: 'gpt-image-2', size: '3840x3840' }, 'invalid_value', 'size'],
  ['a wordy size', { model: 'gpt-image-2', size: 'large' }, 'invalid_value', 'size'],
  ['a wrong quality', { quality: 'hd' }, 'invalid_value', 'quality'],
  ['high quality at dall-e-3', { model: 'dall-e-3', quality: 'high' }, 'invalid_value', 'quality'],
  ['a wrong background', { background: 'clear' }, 'invalid_value', 'background'],
  ['a transparent jpeg', { background: 'transparent', output_format: 'jpeg' }, 'invalid_value', 'background'],
  ['a wrong format', { output_format: 'gif' }, 'invalid_value', 'output_format'],
  ['a compressed png', { output_compression: 50 }, 'invalid_value', 'output_compression'],
  [
    'compression above 100',
    { output_format: 'webp', output_compression: 101 },
    'integer_above_max_value',
    'output_compression',
  ],
  ['a wrong moderation', { moderation: 'high' }, 'invalid_value', 'moderation'],
  ['partial images without a stream', { partial_images: 1 }, 'invalid_value', 'partial_images'],
  ['four partial images', { stream: true, partial_images: 4 }, 'integer_above_max_value', 'partial_images'],
  ['n of 0', { n: 0 }, 'integer_below_min_value', 'n'],
  ['n of 11', { n: 11 }, 'integer_above_max_value', 'n'],
  ['n of 2 at dall-e-3', { model: 'dall-e-3', n: 2 }, 'integer_above_max_value', 'n'],
  ['n as text', { n: '1' }, 'invalid_type', 'n'],
  ['a broken n', { n: 1.5 }, 'invalid_type', 'n'],
  ['stream as text', { stream: 'true' }, 'invalid_type', 'stream'],
  ['no prompt', { prompt: undefined }, 'missing_required_parameter', 'prompt'],
  ['an empty prompt', { prompt: '' }, 'empty_string', 'prompt'],
  ['a prompt of 32,001', { prompt: 'я'.repeat(32_001) }, 'string_above_max_length', 'prompt'],
  [
    'a prompt of 1001 at dall-e-2',
    { model: 'dall-e-2', prompt: 'x'.repeat(1001) },
    'string_above_max_length',
    'prompt',
  ],
  [
    'a prompt of 4001 at dall-e-3',
    { model: 'dall-e-3', prompt: 'x'.repeat(4001) },
    'string_above_max_length',
    'prompt',
  ],
  ['an unknown model', { model: 'gpt-image-0' }, 'model_not_found', 'model'],
]

describe('generations', () => {
  it.each(generations)('refuse %s', async (_, body, code, param) => {
    const sandbox = await openSandbox()
    const response = await generate(sandbox, body)
    const { error } = await readBody(response)
    expect(error).toEqual({ message: expect.any(String), type: 'invalid_request_error', param, code })
    expect(response.status).toBe(code === 'model_not_found' ? 404 : 400)
    expect(response.headers.get('x-request-id')).toMatch(/^req_\w+$/)
    expect(sandbox.requests()).toMatchObject([{ paid: false, usage: null, status: response.status }])
  })

  it('lists the sizes the older models know', async () => {
    const { error } = await readBody(await generate(await openSandbox(), { size: '1254x836' }))
    const known = "'1024x1024', '1024x1536', '1536x1024', and 'auto'"
    expect(error.message).toBe(`Invalid value: '1254x836'. Supported values are: ${known}.`)
  })

  it('take nulls for parameters the model knows, and prompts up to the limit', async () => {
    const sandbox = await openSandbox()
    const body = { n: null, size: null, stream: null, quality: null, prompt: '🦊'.repeat(32_000) }
    expect((await generate(sandbox, body)).status).toBe(200)
  })

  it('use dall-e-2 when no model is named', async () => {
    const sandbox = await openSandbox()
    expect((await generate(sandbox, { model: undefined, size: '256x256' })).status).toBe(200)
    expect(sandbox.requests()[0]?.model).toBe('dall-e-2')
  })

  it('refuse a form and broken JSON', async () => {
    const sandbox = await openSandbox()
    const url = `${sandbox.url}/v1/images/generations`
    const form = await readBody(await postForm(url, { prompt: 'a hill' }, []))
    expect(form.error.code).toBe('unsupported_content_type')
    const headers = { 'content-type': 'application/json' }
    const broken = await fetch(url, { method: 'POST', headers, body: '{"prompt"' })
    expect((await readBody(broken)).error.message).toContain('could not parse the JSON body')
  })
})

describe('edits', () => {
  const cases: [
    string,
    Record<string, string>,
    (photo: Buffer) => FormFile[] | Promise<FormFile[]>,
    string,
    string,
  ][] = [
    [
      'two parts named image',
      {},
      (bytes) => [
        { name: 'image', bytes },
        { name: 'image', bytes },
      ],
      'duplicate_parameter',
      'image',
    ],
    [
      'image beside image[]',
      {},
      (bytes) => [
        { name: 'image', bytes },
        { name: 'image[]', bytes },
      ],
      'duplicate_parameter',
      'image',
    ],
    [
      'two masks',
      {},
      (bytes) => ['image', 'mask', 'mask'].map((name) => ({ name, bytes })),
      'duplicate_parameter',
      'mask',
    ],
    [
      'an untyped part',
      {},
      (bytes) => [{ name: 'image', bytes, type: 'application/octet-stream' }],
      'unsupported_file_mimetype',
      'image',
    ],
    [
      'a jpeg at dall-e-2',
      { model: 'dall-e-2' },
      (bytes) => [{ name: 'image', bytes, type: 'image/jpeg' }],
      'unsupported_file_mimetype',
      'image',
    ],
    [
      'seventeen images',
      {},
      (bytes) => Array.from({ length: 17 }, () => ({ name: 'image[]', bytes })),
      'array_above_max_length',
      'image',
    ],
    [
      'a list at dall-e-2',
      { model: 'dall-e-2' },
      (bytes) => [{ name: 'image[]', bytes }],
      'invalid_type',
      'image',
    ],
    ['no image', {}, () => [], 'missing_required_parameter', 'image'],
    [
      'a file of another name',
      {},
      (bytes) => [
        { name: 'image', bytes },
        { name: 'picture', bytes },
      ],
      'unknown_parameter',
      'picture',
    ],
    [
      'an image that is none',
      {},
      () => [{ name: 'image', bytes: Buffer.from('hello') }],
      'invalid_image_file',
      'image',
    ],
    [
      'an image cut in half',
      {},
      (photo) => [{ name: 'image', bytes: photo.subarray(0, photo.length / 2) }],
      'invalid_image_file',
      'image',
    ],
    [
      'a gif',
      {},
      async (photo) => [{ name: 'image', bytes: await sharp(photo).gif().toBuffer() }],
      'invalid_image_file',
      'image',
    ],
    ['an image text', { image: 'picture.png' }, () => [], 'invalid_type', 'image'],
    [
      'input_fidelity at gpt-image-1-mini',
      { model: 'gpt-image-1-mini', input_fidelity: 'high' },
      (bytes) => [{ name: 'image', bytes }],
      'unknown_parameter',
      'input_fidelity',
    ],
    [
      'input_fidelity at gpt-image-2',
      { model: 'gpt-image-2', input_fidelity: 'low' },
      (bytes) => [{ name: 'image', bytes }],
      'unknown_parameter',
      'input_fidelity',
    ],
    [
      'moderation in a form',
      { moderation: 'low' },
      (bytes) => [{ name: 'image', bytes }],
      'unknown_parameter',
      'moderation',
    ],
    ['dall-e-3', { model: 'dall-e-3' }, (bytes) => [{ name: 'image', bytes }], 'invalid_value', 'model'],
    ['n in words', { n: 'two' }, (bytes) => [{ name: 'image', bytes }], 'invalid_type', 'n'],
    ['stream in words', { stream: 'yes' }, (bytes) => [{ name: 'image', bytes }], 'invalid_type', 'stream'],
    [
      'an oblong image at dall-e-2',
      { model: 'dall-e-2' },
      async () => [{ name: 'image', bytes: await makePhoto(64, 32) }],
      'invalid_image_file',
      'image',
    ],
    [
      'an opaque image at dall-e-2',
      { model: 'dall-e-2' },
      (bytes) => [{ name: 'image', bytes }],
      'invalid_mask_image_format',
      'mask',
    ],
    [
      'a mask without alpha',
      {},
      (bytes) => [
        { name: 'image', bytes },
        { name: 'mask', bytes },
      ],
      'invalid_mask_image_format',
      'mask',
    ],
    [
      'a mask of another size',
      {},
      async (bytes) => [
        { name: 'image', bytes },
        { name: 'mask', bytes: await makeMask(256, 257) },
      ],
      'invalid_mask_image_format',
      'mask',
    ],
    [
      'a webp mask',
      {},
      async (bytes) => [
        { name: 'image', bytes },
        {
          name: 'mask',
          bytes: await sharp(await makeMask(256, 256))
            .webp()
            .toBuffer(),
        },
      ],
      'invalid_mask_image_format',
      'mask',
    ],
  ]

  it.each(cases)('refuse %s', async (_, fields, makeFiles, code, param) => {
    const sandbox = await openSandbox()
    const files = await makeFiles(await makePhoto(256, 256))
    const { error } = await readBody(await edit(sandbox, fields, files))
    expect(error).toEqual({ message: expect.any(String), type: 'invalid_request_error', param, code })
    expect(sandbox.requests()).toMatchObject([{ paid: false }])
  })

  it('refuse a scalar that comes twice', async () => {
    const sandbox = await openSandbox()
    const form = new FormData()
    for (const prompt of ['one', 'two']) form.append('prompt', prompt)
    const response = await fetch(`${sandbox.url}/v1/images/edits`, { method: 'POST', body: form })
    expect((await readBody(response)).error).toMatchObject({ code: 'duplicate_parameter', param: 'prompt' })
  })

  it('refuse an image of 4 MB at dall-e-2 that gpt-image-1 takes', async () => {
    const sandbox = await openSandbox()
    const create = { width: 1400, height: 1400, channels: 3 as const, background: '#888' }
    const bytes = await sharp({ create }).png({ compressionLevel: 0 }).toBuffer()
    expect(bytes.length).toBeGreaterThan(4 * 1024 * 1024)
    const small = await readBody(await edit(sandbox, { model: 'dall-e-2' }, [{ name: 'image', bytes }]))
    expect(small.error).toMatchObject({
      code: 'invalid_image_file',
      message: expect.stringContaining('4 MB'),
    })
    expect((await edit(sandbox, {}, [{ name: 'image', bytes }])).status).toBe(200)
  })

  it.each([
    ['png', 'image/png'],
    ['jpeg', 'image/jpeg'],
    ['webp', 'image/webp'],
  ] as const)('take %s', async (format, type) => {
    const sandbox = await openSandbox()
    const bytes = await sharp(await makePhoto(64, 64))
      .toFormat(format)
      .toBuffer()
    const response = await edit(sandbox, { size: '1024x1024', n: '1' }, [{ name: 'image', bytes, type }])
    expect(response.status).toBe(200)
    expect(sandbox.requests()[0]?.files).toMatchObject([
      { name: 'image', bytes: bytes.length, mimeType: type },
    ])
  })

  it('do not look at the declared type of a mask', async () => {
    const sandbox = await openSandbox()
    const mask = { name: 'mask', bytes: await makeMask(256, 256), type: 'application/octet-stream' }
    const files = [{ name: 'image', bytes: await makePhoto(256, 256) }, mask]
    expect((await edit(sandbox, {}, files)).status).toBe(200)
  })
})

describe('variations', () => {
  it.each([
    ['gpt-image-1', { model: 'gpt-image-1' }, 'invalid_value', 'model'],
    ['a prompt', { prompt: 'a hill' }, 'unknown_parameter', 'prompt'],
    ['a size of the others', { size: '1536x1024' }, 'invalid_value', 'size'],
  ])('refuse %s', async (_, fields, code, param) => {
    const sandbox = await openSandbox()
    const files = [{ name: 'image', bytes: await makePhoto(64, 64) }]
    const response = await postForm(
      `${sandbox.url}/v1/images/variations`,
      { ...fields } as Record<string, string>,
      files,
    )
    expect((await readBody(response)).error).toMatchObject({ code, param })
  })
})

describe('models', () => {
  it('are listed and found by name', async () => {
    const sandbox = await openSandbox()
    const list = (await (await fetch(`${sandbox.url}/v1/models`)).json()) as { data: { id: string }[] }
    const ids = ['gpt-image-1', 'gpt-image-1-mini', 'gpt-image-1.5', 'gpt-image-2', 'dall-e-2', 'dall-e-3']
    expect(list.data.map(({ id }) => id)).toEqual(ids)
    expect((await fetch(`${sandbox.url}/v1/models/gpt-image-2`)).status).toBe(200)
    expect((await fetch(`${sandbox.url}/v1/models/gpt-image-9`)).status).toBe(404)
  })
})
