import { afterEach, describe, expect, test, vi } from 'vitest'
import { capabilityEntry } from '../../src/catalogue/capabilities.ts'
import { EaselError } from '../../src/errors.ts'
import type { Providers, ProvidersOptions } from '../../src/providers/providers.ts'
import { openProviders } from '../kit/rooms/open-providers.ts'

let opened: Providers[] = []

afterEach(async () => {
  for (const providers of opened) await providers.close()
  opened = []
})

function open(configured: ProvidersOptions['providers'], more: Partial<ProvidersOptions> = {}): Providers {
  const providers = openProviders([], { providers: configured, ...more })
  opened.push(providers)
  return providers
}

const sandbox = { name: 'sandbox', preset: 'sandbox', baseUrl: 'http://127.0.0.1:1' } as const
const openai = { name: 'openai', preset: 'openai', apiKey: 'k' } as const
const tokenops = { name: 'tokenops', preset: 'tokenops', apiKey: 'k' } as const
const art = { name: 'art', preset: 'yandex-art', apiKey: 'k', folderId: 'b1g' } as const
const flux = { name: 'flux', preset: 'bfl', apiKey: 'k' } as const
const studio = { name: 'studio', preset: 'yandex-ai-studio', apiKey: 'k', folderId: 'b1g' } as const

const idsOf = (models: { id: string }[]) => models.map(({ id }) => id)

function refusal(run: () => unknown): EaselError {
  try {
    run()
  } catch (error) {
    if (error instanceof EaselError) return error
    throw error
  }
  throw new Error('Nothing was refused')
}

describe('the registry', () => {
  test('lists every model of every provider in the order of the configuration', () => {
    expect(idsOf(open([tokenops, { ...openai, models: ['gpt-image-2', 'dall-e-2'] }]).models())).toEqual([
      'tokenops/gpt-image-1',
      'tokenops/dall-e-2',
      'openai/gpt-image-2',
      'openai/dall-e-2',
    ])
  })

  test('finds a model by its id only', () => {
    const providers = open([sandbox])
    expect(providers.find('sandbox/gpt-image-1')).toMatchObject({
      name: 'gpt-image-1',
      sandbox: true,
      idempotency: 'none',
    })
    expect(providers.find('gpt-image-1')).toBeNull()
    expect(providers.find('sandbox/yandex-art')).toMatchObject({
      dialect: 'yandex-art',
      idempotency: 'lookup',
    })
  })

  test('takes the default of the kind, or else the first model that serves it', () => {
    const providers = open([sandbox], { defaults: { generate: 'dall-e-3' } })
    expect(idsOf(providers.candidates('GENERATE', null))).toEqual(['sandbox/dall-e-3'])
    expect(idsOf(providers.candidates('EDIT', null))).toEqual(['sandbox/gpt-image-1'])
    expect(idsOf(providers.candidates('VARIATION', null))).toEqual(['sandbox/dall-e-2'])
  })

  test('tries a name at every provider that serves it, and an id at one', () => {
    const providers = open([tokenops, sandbox])
    expect(idsOf(providers.candidates('EDIT', 'gpt-image-1'))).toEqual([
      'tokenops/gpt-image-1',
      'sandbox/gpt-image-1',
    ])
    expect(idsOf(providers.candidates('EDIT', 'sandbox/gpt-image-1'))).toEqual(['sandbox/gpt-image-1'])
    expect(idsOf(providers.candidates('GENERATE', 'gpt-image-1'))).toEqual(['sandbox/gpt-image-1'])
  })

  test('passes over a provider that has retired a model', () => {
    expect(idsOf(open([openai, tokenops]).candidates('EDIT', 'gpt-image-1'))).toEqual([
      'tokenops/gpt-image-1',
    ])
  })

  test('names the replacement of a retired model, from its last day on', () => {
    const error = refusal(() => open([openai]).candidates('EDIT', 'gpt-image-1'))
    expect(error).toMatchObject({
      code: 'BAD_USER_INPUT',
      details: {
        field: 'input.model',
        reason: 'MODEL_RETIRED',
        allowed: ['openai/gpt-image-2.5-sunburst'],
        replacement: 'gpt-image-2.5-sunburst',
      },
    })
    const before = open([openai], { now: () => new Date('2026-10-22T23:59:59Z') })
    expect(idsOf(before.candidates('EDIT', 'gpt-image-1'))).toEqual(['openai/gpt-image-1'])
  })

  test('refuses no model for a date that belongs to another address, or that others told', () => {
    const elsewhere = open([{ ...openai, baseUrl: 'https://images.example/v1' }])
    expect(idsOf(elsewhere.candidates('EDIT', 'gpt-image-1'))).toEqual(['openai/gpt-image-1'])
    expect(elsewhere.find('openai/gpt-image-1')?.retirement).toMatchObject({
      date: '2026-10-23',
      enforced: false,
      source: expect.stringContaining('developers.openai.com'),
    })
    const same = open([{ ...openai, baseUrl: 'https://api.openai.com/v1/' }])
    expect(same.find('openai/gpt-image-1')?.retirement?.enforced).toBe(true)
    const hearsay = open([art])
    expect(idsOf(hearsay.candidates('GENERATE', 'yandex-art'))).toEqual(['art/yandex-art'])
    expect(hearsay.find('art/yandex-art')?.retirement).toMatchObject({ toldBy: 'OTHERS', enforced: false })
  })

  test('tells the operator at the start which models end, and of refused ones only those that were chosen', () => {
    const told = (configured: ProvidersOptions['providers']) => {
      const warn = vi.fn()
      open(configured, { log: { info: () => {}, warn } })
      return warn.mock.calls.map(([{ provider, ends }]) => [
        provider,
        ends.map(({ model }: { model: string }) => model),
      ])
    }
    const ending = ['gpt-image-1.5', 'gpt-image-1.5-2025-12-16', 'chatgpt-image-latest', 'gpt-image-1-mini']
    expect(told([openai, flux, sandbox])).toEqual([['openai', ending]])
    const chosen = { ...openai, models: ['dall-e-2', 'gpt-image-2'] }
    expect(told([chosen])).toEqual([['openai', ['dall-e-2']]])
    expect(told([art])).toEqual([['art', ['yandex-art']]])
  })

  test('has no model that is to be replaced by one that it lacks, or that has ended by then', () => {
    const models = open([openai]).models()
    for (const { name, retirement } of models) {
      if (!retirement) continue
      const next = models.find((model) => model.name === retirement.replacement)
      expect(next, name).toBeDefined()
      expect(next?.retirement, name).toBeNull()
    }
  })

  test('names the models there are when one is unknown', () => {
    const error = refusal(() => open([tokenops]).candidates('EDIT', 'midjourney'))
    expect(error).toMatchObject({
      code: 'BAD_USER_INPUT',
      details: {
        field: 'input.model',
        reason: 'MODEL_UNKNOWN',
        allowed: ['tokenops/gpt-image-1', 'tokenops/dall-e-2'],
      },
    })
  })

  test('gives the documented reason for a kind that is off, and turns it on by one option', () => {
    const error = refusal(() => open([studio]).candidates('EDIT', 'aliceai-image-art-3.0'))
    expect(error).toMatchObject({
      code: 'UNSUPPORTED_BY_MODEL',
      details: { field: 'input.model', reason: 'KIND_NOT_SUPPORTED' },
    })
    expect(error.message).toContain('CURRENTLY NOT SUPPORTED')
    expect(open([studio]).models()[0]?.unsupported).toMatchObject({
      EDIT: expect.stringContaining('CURRENTLY NOT SUPPORTED'),
      VARIATION: expect.stringContaining('CURRENTLY NOT SUPPORTED'),
    })
    const enabled = open([{ ...studio, enable: ['edits', 'variations'] }])
    expect(enabled.models()[0]).toMatchObject({ kinds: ['GENERATE', 'EDIT', 'VARIATION'], unsupported: {} })
  })

  test('says so when nothing serves a kind', () => {
    expect(refusal(() => open([art]).candidates('VARIATION', null))).toMatchObject({
      code: 'UNSUPPORTED_BY_MODEL',
    })
  })

  test.each([
    ['art://b1g/yandex-art/latest', true],
    ['art://b1g/yandex-art', true],
    ['yandex-art', true],
    ['art://b1g/yandex-art/rc', false],
    ['art://other/yandex-art/latest', false],
  ])('knows %s as a model of its folder: %s', (uri, isKnown) => {
    const providers = open([art])
    if (isKnown) expect(idsOf(providers.candidates('GENERATE', uri))).toEqual(['art/yandex-art'])
    else expect(refusal(() => providers.candidates('GENERATE', uri)).details.reason).toBe('MODEL_UNKNOWN')
  })

  test('has no folders in the sandbox', () => {
    expect(idsOf(open([sandbox]).candidates('GENERATE', 'art://any/yandex-art/latest'))).toEqual([
      'sandbox/yandex-art',
    ])
  })

  test('takes further models by name, or with rules of their own', () => {
    const models = [
      'sd-turbo',
      {
        name: 'gpt-image-9',
        like: 'gpt-image-2',
        kinds: ['GENERATE' as const],
        capabilities: { GENERATE: { n: { max: 2 } } },
      },
    ]
    const [generic, custom] = open([{ ...openai, models }]).models()
    expect(generic).toMatchObject({
      id: 'openai/sd-turbo',
      kinds: ['GENERATE', 'EDIT', 'VARIATION'],
      pricing: { prices: [] },
    })
    expect(custom).toMatchObject({
      id: 'openai/gpt-image-9',
      upstreamName: 'gpt-image-9',
      kinds: ['GENERATE'],
      retirement: null,
      capabilities: { GENERATE: { n: { max: 2 }, size: { type: 'range' } } },
    })
  })

  test('describes the form of each kind', () => {
    const model = open([sandbox]).find('sandbox/gpt-image-1')
    const fields = model?.parameters.EDIT?.map(({ name, type, min, max, values }) =>
      [name, type, min, max, values].join(' '),
    )
    expect(fields).toMatchInlineSnapshot(`
      [
        "image IMAGES 1 16 image/png,image/jpeg,image/webp",
        "mask IMAGE   image/png",
        "prompt STRING 1 32000 ",
        "n INTEGER 1 10 ",
        "size SIZE   auto,1024x1024,1536x1024,1024x1536",
        "quality ENUM   AUTO,LOW,MEDIUM,HIGH",
        "background ENUM   AUTO,OPAQUE,TRANSPARENT",
        "inputFidelity ENUM   LOW,HIGH",
        "outputFormat ENUM   PNG,JPEG,WEBP",
        "outputCompression INTEGER 0 100 ",
        "partialImages INTEGER 0 3 ",
      ]
    `)
    expect(model?.parameters.EDIT?.find(({ name }) => name === 'outputCompression')?.dependsOn).toEqual({
      parameter: 'outputFormat',
      values: ['JPEG', 'WEBP'],
    })
  })

  test('keeps prices as whole numbers with the day they hold from', () => {
    for (const { id, pricing } of open([openai, flux, sandbox]).models()) {
      for (const row of pricing.prices) {
        expect(row.from, id).toMatch(/^\d{4}-\d\d-\d\d$/)
        const amounts = [
          row.textInput,
          row.imageInput,
          row.textOutput,
          row.imageOutput,
          ...row.perImage.map(({ micros }) => micros),
          row.megapixels?.first ?? null,
          row.megapixels?.further ?? null,
        ]
        for (const amount of amounts) if (amount !== null) expect(Number.isSafeInteger(amount), id).toBe(true)
      }
    }
  })

  test('offers nothing that it refuses', () => {
    const providers = open([
      openai,
      tokenops,
      art,
      flux,
      { ...studio, enable: ['edits', 'variations'] },
      sandbox,
    ])
    for (const model of providers.models()) {
      for (const kind of model.kinds) {
        const names = model.parameters[kind]?.map(({ name }) => name) ?? []
        expect(new Set(names).size).toBe(names.length)
        for (const { name, values, default: fallback } of model.parameters[kind] ?? []) {
          if (fallback !== null && values.length > 0)
            expect(values, `${model.id} ${kind} ${name}`).toContain(fallback)
        }
      }
    }
  })

  test('takes each capability of the models it knows, and none', () => {
    for (const { capabilities } of open([{ ...openai }, sandbox]).models()) {
      expect(capabilityEntry.parse(capabilities)).toEqual(capabilities)
    }
    const none = { EDIT: { mask: null, quality: null } }
    expect(capabilityEntry.parse(none)).toEqual(none)
  })
})
