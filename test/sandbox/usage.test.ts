import { describe, expect, it } from 'vitest'
import { findModel, type SandboxModel } from '../../src/sandbox/models.ts'
import { parseSize, type Size } from '../../src/sandbox/size.ts'
import { countInputTokens, countUsage } from '../../src/sandbox/usage.ts'
import { edit, generate, makePhoto, openSandbox, readBody } from './sandbox-kit.ts'

describe('usage', () => {
  it.each([
    ['gpt-image-1', 'low', '1024x1024', 272],
    ['gpt-image-1', 'low', '1024x1536', 408],
    ['gpt-image-1', 'low', '1536x1024', 400],
    ['gpt-image-1-mini', 'medium', '1024x1024', 1056],
    ['gpt-image-1', 'medium', '1024x1536', 1584],
    ['gpt-image-1', 'medium', '1536x1024', 1568],
    ['gpt-image-1.5', 'high', '1024x1024', 4160],
    ['gpt-image-1', 'high', '1024x1536', 6240],
    ['gpt-image-1', 'high', '1536x1024', 6208],
    ['gpt-image-2', 'low', '1024x1024', 196],
    ['gpt-image-2', 'medium', '1024x1024', 1756],
    ['gpt-image-2', 'high', '1024x1024', 7024],
    ['gpt-image-2', 'low', '1536x1024', 158],
    ['gpt-image-2', 'medium', '1024x1536', 1372],
    ['gpt-image-2', 'high', '1024x1536', 5488],
  ])('of %s at %s and %s is %d output tokens', (model, quality, size, tokens) => {
    const usage = countUsage({
      model: findModel(model) as SandboxModel,
      size: parseSize(size) as Size,
      quality,
      prompt: 'five!',
      inputs: [],
      highFidelity: false,
      images: 1,
      partialImages: 0,
    })
    expect(usage).toEqual({
      input_tokens: 2,
      output_tokens: tokens,
      total_tokens: tokens + 2,
      input_tokens_details: { text_tokens: 2, image_tokens: 0 },
      output_tokens_details: { image_tokens: tokens, text_tokens: 0 },
    })
  })

  it('counts the bytes of the prompt, not its characters', async () => {
    const sandbox = await openSandbox()
    const { usage } = await readBody(await generate(sandbox, { prompt: 'лиса' }))
    expect(usage.input_tokens_details).toEqual({ text_tokens: 2, image_tokens: 0 })
  })

  it.each([
    [1024, 1024, false, 194],
    [100, 100, false, 194],
    [1024, 1536, false, 323],
    [2000, 500, false, 581],
    [1024, 1024, true, 4354],
    [1024, 1536, true, 6563],
  ])('of a %dx%d input with high fidelity %s is %d', (width, height, highFidelity, tokens) => {
    expect(countInputTokens({ width, height }, highFidelity)).toBe(tokens)
  })

  it.each([
    ['gpt-image-1', {}, 388],
    ['gpt-image-1', { input_fidelity: 'low' }, 388],
    ['gpt-image-1', { input_fidelity: 'high' }, 8708],
    ['gpt-image-1-mini', {}, 388],
    ['gpt-image-2', {}, 8708],
  ] as [string, Record<string, string>, number][])(
    'of two inputs at %s with %o is %d',
    async (model, fields, tokens) => {
      const sandbox = await openSandbox()
      const bytes = await makePhoto(64, 64)
      const files = [
        { name: 'image[]', bytes },
        { name: 'image[]', bytes },
      ]
      const { usage } = await readBody(await edit(sandbox, { model, ...fields }, files))
      expect(usage.input_tokens_details).toMatchObject({ image_tokens: tokens })
    },
  )

  it('grows with n and is what the ledger holds', async () => {
    const sandbox = await openSandbox()
    const { usage } = await readBody(await generate(sandbox, { n: 3, quality: 'low' }))
    expect(usage).toMatchObject({ input_tokens: 2, output_tokens: 816 })
    expect(sandbox.requests()[0]?.usage).toEqual(usage)
  })

  it('is absent for dall-e', async () => {
    const sandbox = await openSandbox()
    const body = await readBody(await generate(sandbox, { model: 'dall-e-2', size: '256x256' }))
    expect(Object.keys(body)).toEqual(['created', 'data'])
    expect(sandbox.requests()[0]).toMatchObject({ paid: true, usage: null })
  })
})
