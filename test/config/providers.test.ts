import { describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { toMicros } from '../../src/catalogue/price-entry.ts'
import { ConfigError, parseConfig } from '../../src/config/config.ts'
import { readEnv } from '../../src/config/env.ts'

const parse = (file: object) => parseConfig(readEnv({ EASEL_CONFIG: 'easel.yaml' }), stringify(file))

function faultsOf(file: object): string[] {
  try {
    parse(file)
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map((fault) => fault.replace('easel.yaml: ', ''))
    throw error
  }
  return []
}

const openai = { name: 'openai', preset: 'openai', apiKey: 'k' }

const range = {
  type: 'range',
  multipleOf: 16,
  maxEdge: 2048,
  maxRatio: 3,
  minPixels: 65_536,
  maxPixels: 4_194_304,
  presets: [],
}
const free = { currency: 'USD', perImage: [{ price: 0 }] }

/** A file with one model of one provider. */
const withModel = (model: unknown) => ({ providers: [{ ...openai, models: [model] }] })

describe('the providers of the configuration', () => {
  test('are checked wholly: every fault at once with its place, and never a key', () => {
    const providers = [
      { name: 'a b', preset: 'openai-compatible', apikey: 'sk-secret' },
      {
        name: 'c',
        preset: 'yandex-art',
        baseUrl: 'ftp://sk-secret',
        enable: ['everything'],
        forcePartialImages: 'yes',
        costFrom: 'reply',
      },
      { name: 'c', preset: 'openai', models: [{}, 4, ''], apiKey: 12, folderId: 'sk-secret' },
      { name: 'd', preset: 'opanai', apiKey: 'sk-secret' },
      { name: 'e', preset: 'openai', baseUrl: 'https://me:sk-secret@images.example/v1#x' },
      'sk-secret',
    ]
    const faults = faultsOf({ providers, limits: { leaseMs: 1 } })
    expect(faults).toMatchInlineSnapshot(`
      [
        "providers.0.name: must be letters, digits, dots and dashes",
        "providers.0.baseUrl: is missing",
        "providers.0: Unrecognized key: "apikey"",
        "providers.1.baseUrl: must be an http or https address",
        "providers.1.folderId: is missing",
        "providers.1.enable.0: Invalid option: expected one of "edits"|"variations"|"messageWeights"",
        "providers.1.forcePartialImages: the preset yandex-art does not take it",
        "providers.1.costFrom: the preset yandex-art does not take it",
        "providers.2.models.0.name: is missing",
        "providers.2.models.1: Invalid input: expected object, received number",
        "providers.2.models.2.name: Too small: expected string to have >=1 characters",
        "providers.2.apiKey: Invalid input: expected string, received number",
        "providers.2.folderId: the preset openai does not take it",
        "providers.3.preset: must be one of openai, openai-compatible, localai, tokenops, apigo, yandex-ai-studio, yandex-art, bfl, sandbox",
        "providers.4.baseUrl: must have no user name and no fragment: a key is given as apiKey",
        "providers.5: Invalid input: expected object, received string",
        "providers: the name c is given twice",
        "limits.leaseMs: Too small: expected number to be >=1000",
      ]
    `)
    expect(faults.join()).not.toContain('sk-secret')
  })

  test('take what their preset takes, and nothing else', () => {
    const art = { name: 'art', preset: 'yandex-art', folderId: 'b1g', iamTokenCommand: 'yc iam create-token' }
    const local = { name: 'local', preset: 'localai', multiImageField: 'image', responseFormat: 'never' }
    expect(parse({ providers: [art, local] }).secrets.providers).toEqual([art, local])
    const wrong = { name: 'flux', preset: 'bfl', multiImageField: 'image', folderId: 'b1g' }
    expect(faultsOf({ providers: [wrong] })).toEqual([
      'providers.0.folderId: the preset bfl does not take it',
      'providers.0.multiImageField: the preset bfl does not take it',
    ])
  })
})

describe('the hosts of results', () => {
  test('are hosts, each with its port or without, of any preset', () => {
    const resultHosts = ['files.lan', 'localhost:9000', '10.0.0.1', '[fd00::1]:9000']
    const flux = { name: 'flux', preset: 'bfl', resultHosts }
    expect(parse({ providers: [flux] }).secrets.providers).toEqual([flux])
  })

  test.each([
    'http://files.lan',
    'files.lan/images',
    'files.lan:99999',
    'user@files.lan',
    '*.lan',
    'a b',
    '',
  ])('are no others: %j', (host) => {
    const providers = [{ ...openai, resultHosts: ['files.lan', host] }]
    expect(faultsOf({ providers })).toEqual([
      'providers.0.resultHosts.1: must be a host, or a host and its port, such as files.example:9000',
    ])
  })
})

describe('a model of the configuration', () => {
  test.each([
    [{ capabilites: {} }, 'Unrecognized key: "capabilites"'],
    [{ kinds: ['GENRATE'] }, 'kinds.0: '],
    [{ kinds: ['VARIATION', 'DANCE'] }, 'kinds.1: '],
    [{ capabilities: { GENERATE: { n: 4 } } }, 'capabilities.GENERATE.n: Invalid input: expected object'],
    [{ capabilities: { GENERATE: { n: null } } }, 'capabilities.GENERATE.n: Invalid input: expected object'],
    [{ capabilities: { GENERATE: { n: { max: 'undefined' } } } }, 'capabilities.GENERATE.n.max: '],
    [{ capabilities: { GENRATE: {} } }, 'capabilities: '],
    [{ capabilities: { EDIT: { colour: ['RED'] } } }, 'capabilities.EDIT: Unrecognized key: "colour"'],
    [{ capabilities: { EDIT: { size: '1024x1024' } } }, 'capabilities.EDIT.size: '],
    [
      { capabilities: { EDIT: { size: { type: 'list', values: ['1024X1024'] } } } },
      'capabilities.EDIT.size.values.0: must be WIDTHxHEIGHT, or a word such as 2K',
    ],
    [{ capabilities: { EDIT: { size: { type: 'list', values: [] } } } }, 'capabilities.EDIT.size.values: '],
    [{ capabilities: { GENERATE: { size: { ...range, presets: ['2K'] } } } }, 'must be WIDTHxHEIGHT'],
    [
      { capabilities: { GENERATE: { size: { ...range, minPixels: 9, maxPixels: 8 } } } },
      'capabilities.GENERATE.size: minPixels must not exceed maxPixels',
    ],
    [
      { capabilities: { GENERATE: { size: { ...range, multipleOf: 4096 } } } },
      'capabilities.GENERATE.size: multipleOf must not exceed maxEdge',
    ],
    [{ kinds: [] }, 'kinds: Too small'],
    [
      { capabilities: { GENERATE: { moderation: { values: ['AUTO'], default: 'LOW' } } } },
      'capabilities.GENERATE.moderation.default: must be one of values',
    ],
    [
      { capabilities: { GENERATE: { moderation: { values: ['NONE'] } } } },
      'capabilities.GENERATE.moderation.values.0: Invalid option: expected one of "AUTO"|"LOW"',
    ],
    [{ price: [] }, 'Unrecognized key: "price"'],
    [{ prices: { perImage: 0.04 } }, 'prices: Invalid input: expected array, received object'],
    [{ prices: [{ currency: 'USD', textInput: 5 }] }, 'prices.0.from: is missing'],
    [
      {
        prices: [
          { ...free, from: '2026-01-01' },
          { ...free, from: '2026-01-01' },
        ],
      },
      'prices: two price lists begin on the same day',
    ],
    [
      { capabilities: { GENERATE: { quality: ['low'] } } },
      'capabilities.GENERATE.quality.0: Invalid option: expected one of "AUTO"|"LOW"',
    ],
    [
      { capabilities: { EDIT: { mask: { mimeTypes: ['image/gif'], maxBytes: 9 } } } },
      'capabilities.EDIT.mask.mimeTypes.0: Invalid option',
    ],
    [
      { capabilities: { EDIT: { seed: { min: 0, max: 9 } } } },
      'capabilities.EDIT.seed: no request of EDIT has it',
      'capabilities.EDIT.seed: own: the dialect openai does not send seed for EDIT',
    ],
    [{ capabilities: { EDIT: { images: null } } }, 'capabilities.EDIT.images: EDIT needs images'],
    [{ capabilities: { GENERATE: { prompt: null } } }, 'GENERATE needs a prompt or messages'],
    [{ capabilities: { GENERATE: { size: null } } }, 'capabilities.GENERATE.autoSize: needs a size'],
    [{ capabilities: { GENERATE: { quality: ['LOW'] } } }, 'GENERATE.autoQuality: needs AUTO in quality'],
    [
      { capabilities: { GENERATE: { outputFormat: ['PNG'] } } },
      'capabilities.GENERATE.outputCompression: needs JPEG or WEBP in outputFormat',
    ],
    [
      { capabilities: { VARIATION: { n: { max: 1 } } } },
      'capabilities.VARIATION: own makes its variations by edits: they follow the capabilities of EDIT',
    ],
    [
      { kinds: ['GENERATE'], variationsThroughEdits: true },
      'variationsThroughEdits: own does not serve EDIT',
    ],
    [
      { like: undefined, variationsThroughEdits: true },
      'variationsThroughEdits: own has variations of its own',
    ],
    [
      { capabilities: { GENERATE: { seed: { min: 0, max: '9223372036854775807' } } } },
      'own: the dialect openai sends seeds up to 9007199254740991 only',
    ],
    [{ capabilities: { GENERATE: { aspectRatio: { max: 0 } } } }, 'capabilities.GENERATE.aspectRatio.max: '],
    [{ capabilities: { EDIT: { outputCompression: { min: 9, max: 1 } } } }, 'min must not exceed max'],
    [{ variationsThroughEdits: 'yes' }, 'variationsThroughEdits: Invalid input: expected boolean'],
    [{ like: 'gpt-image-twelve' }, 'like: must be a model that the preset knows: gpt-image-'],
    [{ kinds: ['GENERATE'], capabilities: { EDIT: {} } }, 'capabilities.EDIT: own does not serve EDIT'],
    [
      { capabilities: { GENERATE: { mimeType: ['image/png'] } } },
      'own: the dialect openai does not send mimeType for GENERATE; it sends prompt, ',
    ],
  ])('is refused with %j', (rules, ...expected) => {
    const faults = faultsOf(withModel({ name: 'own', like: 'gpt-image-2', ...rules }))
    expect(faults).toHaveLength(expected.length)
    for (const [index, fault] of expected.entries()) {
      expect(faults[index]).toContain(`providers.0.models.0`)
      expect(faults[index]).toContain(fault)
    }
  })

  test.each([
    [
      'bfl',
      'GENERATE',
      { size: { type: 'any', presets: [] } },
      'sends sizes of WIDTHxHEIGHT only, and not 2K',
    ],
    ['bfl', 'EDIT', { size: { type: 'list', values: ['1024x1024', '1K'] } }, 'and not 1K'],
    ['bfl', 'GENERATE', { seed: { min: 0, max: 4_294_967_295 } }, 'sends seeds up to 2147483647 only'],
    ['bfl', 'GENERATE', { quality: ['LOW'] }, 'does not send quality for GENERATE'],
    ['bfl', 'EDIT', { autoSize: true }, 'does not send autoSize for EDIT'],
  ])('is refused at %s where %s has %j', (preset, kind, rules, fault) => {
    const model = { name: 'own', like: 'flux-2-pro', capabilities: { [kind]: rules } }
    const faults = faultsOf({ providers: [{ name: 'up', preset, apiKey: 'k', models: [model] }] })
    expect(faults).toEqual([
      expect.stringContaining(`own: the dialect bfl ${fault.startsWith('and') ? '' : fault}`),
    ])
    expect(faults[0]).toContain(fault)
  })

  test('has all its faults told at once: those of its shape, and those of its meaning', () => {
    const models = [
      {
        name: 'one',
        like: 'gpt-image-0',
        kinds: [],
        price: [],
        capabilities: { EDIT: { colour: 1, images: null } },
      },
      { nmae: 'two', like: 'gpt-image-0' },
      { name: 'three', variationsThroughEdits: true, prices: [{ currency: 'USD' }] },
      'gpt-image-2',
      { name: 'gpt-image-2', capabilities: { GENERATE: { n: 5, mimeType: ['image/png'] } } },
    ]
    expect(faultsOf({ providers: [{ ...openai, models, oops: 1 }], port: 3 })).toEqual([
      'providers.0.models.0.kinds: Too small: expected array to have >=1 items',
      'providers.0.models.0.capabilities.EDIT: Unrecognized key: "colour"',
      'providers.0.models.0: Unrecognized key: "price"',
      'providers.0.models.1.name: is missing',
      'providers.0.models.1: Unrecognized key: "nmae"',
      'providers.0.models.2.prices.0.from: is missing',
      'providers.0.models.4.capabilities.GENERATE.n: Invalid input: expected object, received number',
      'providers.0: Unrecognized key: "oops"',
      '(the whole file): Unrecognized key: "port"',
      expect.stringContaining(
        'providers.0.models.0.like: must be a model that the preset knows: gpt-image-2',
      ),
      'providers.0.models.0.capabilities.EDIT.images: EDIT needs images',
      expect.stringContaining('providers.0.models.2.variationsThroughEdits: three has variations of its own'),
      'providers.0.models.4.name: gpt-image-2 is given twice',
      expect.stringContaining(
        'providers.0.models.4.capabilities.GENERATE.mimeType: gpt-image-2: the dialect openai',
      ),
    ])
  })

  test('may have what its dialect sends: seeds, ratios, and words for sizes', () => {
    const GENERATE = {
      seed: { min: 0, max: 4_294_967_295 },
      aspectRatio: { max: 100 },
      size: { type: 'list', values: ['1K', '2K', '1024x1024'] },
    }
    expect(faultsOf(withModel({ name: 'own', capabilities: { GENERATE } }))).toEqual([])
  })

  test('has a name of its own at its provider', () => {
    const providers = [{ ...openai, models: ['gpt-image-2', { name: 'gpt-image-2' }] }]
    expect(faultsOf({ providers })).toEqual(['providers.0.models.1.name: gpt-image-2 is given twice'])
  })

  test('has numbers of any size where the catalogue counts with them', () => {
    const model = {
      name: 'own',
      capabilities: { GENERATE: { seed: { min: 0, max: '9223372036854775807' } } },
    }
    const providers = [{ name: 'art', preset: 'yandex-art', folderId: 'b1g', models: [model] }]
    expect(parse({ providers }).secrets.providers?.[0]?.models).toEqual([
      { ...model, capabilities: { GENERATE: { seed: { min: 0n, max: 9223372036854775807n } } } },
    ])
  })
})

describe('a price of the configuration', () => {
  const row = { from: '2026-01-01', currency: 'USD' }
  const pricesOf = (prices: object) =>
    parse(withModel({ name: 'gpt-image-2', prices: [{ ...row, ...prices }] })).secrets.providers?.[0]
      ?.models?.[0]?.prices?.[0]

  test('is written in units of the currency, and counted in millionths', () => {
    expect(
      pricesOf({ textInput: 5.5, imageOutput: 1.1, perImage: [{ quality: 'high', price: 0.04 }] }),
    ).toEqual({
      ...row,
      textInput: 5_500_000,
      imageInput: null,
      textOutput: null,
      imageOutput: 1_100_000,
      perImage: [{ quality: 'high', micros: 40_000 }],
      source: 'configuration',
    })
    const megapixels = { first: 0.03, further: 0.015, largest: 4 }
    expect(pricesOf({ megapixels })?.megapixels).toEqual({ first: 30_000, further: 15_000, largest: 4 })
  })

  test('loses nothing on the way', () => {
    for (let micros = 0; micros < 2_000_000; micros += 7) expect(toMicros(micros / 1_000_000)).toBe(micros)
    expect(toMicros(1_000_000)).toBe(1_000_000_000_000)
    for (const fine of [0.0000001, 1.23456789, 1e21]) expect(toMicros(fine)).toBeNull()
  })

  test.each([
    [{ textInput: 'cheap' }, 'textInput: Invalid input: expected number, received string'],
    [{ textInput: -1 }, 'textInput: Too small: expected number to be >=0'],
    [
      { textInput: 5_000_000 },
      'textInput: must be at most 1000000: prices are written in units of the currency',
    ],
    [{ textInput: 0.0000001 }, 'textInput: must have six decimals at most'],
    [{ perImage: [{ micros: 40_000 }] }, 'perImage.0: Unrecognized key: "micros"'],
    [{ perImage: [{ price: 0.04, quality: 'hihg' }] }, 'perImage.0.quality: must be one of AUTO, LOW'],
    [{ perImage: [{ price: 0.04, size: '1024*1024' }] }, 'perImage.0.size: must be WIDTHxHEIGHT'],
    [{}, 'prices.0: has no price: give rates, perImage or megapixels'],
    [
      { perImage: [{ price: 0.04 }], megapixels: { first: 0.03, further: 0.01, largest: 4 } },
      'prices.0: has both perImage and megapixels: give one of them',
    ],
    [{ from: '1 January' }, 'from: Invalid ISO date'],
    [{ currency: 'dollars' }, 'currency: must be three capital letters'],
    [{ textinput: 5 }, 'Unrecognized key: "textinput"'],
  ])('is refused as %j', (price, fault) => {
    const faults = faultsOf(withModel({ name: 'gpt-image-2', prices: [{ ...row, ...price }] }))
    expect(faults.join('\n')).toContain('providers.0.models.0.prices.0')
    expect(faults.join('\n')).toContain(fault)
  })
})
