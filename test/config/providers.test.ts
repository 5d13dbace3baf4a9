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
        "providers.4: Invalid input: expected object, received string",
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
      { capabilities: { EDIT: { size: { type: 'list', values: ['big'] } } } },
      'capabilities.EDIT.size.values.0: must be WIDTHxHEIGHT',
    ],
    [{ capabilities: { EDIT: { outputCompression: { min: 9, max: 1 } } } }, 'min must not exceed max'],
    [{ variationsThroughEdits: 'yes' }, 'variationsThroughEdits: Invalid input: expected boolean'],
    [{ like: 'gpt-image-twelve' }, 'like: must be a model that the preset knows: gpt-image-'],
    [{ kinds: ['GENERATE'], capabilities: { EDIT: {} } }, 'capabilities.EDIT: own does not serve EDIT'],
    [
      { capabilities: { GENERATE: { seed: { min: 0, max: 9 } } } },
      'own: the dialect openai does not send seed for GENERATE',
    ],
  ])('is refused with %j', (rules, fault) => {
    const [first, ...others] = faultsOf(withModel({ name: 'own', like: 'gpt-image-2', ...rules }))
    expect(others).toEqual([])
    expect(first).toContain(`providers.0.models.0`)
    expect(first).toContain(fault)
  })

  test('has a name of its own at its provider', () => {
    const providers = [{ ...openai, models: ['gpt-image-2', { name: 'gpt-image-2' }] }]
    expect(faultsOf({ providers })).toEqual(['providers.0.models.1.name: gpt-image-2 is given twice'])
  })

  test('has numbers of any size where the catalogue counts with them', () => {
    const model = {
      name: 'own',
      capabilities: { GENERATE: { seed: { min: 0, max: '18446744073709551615' } } },
    }
    const providers = [{ name: 'art', preset: 'yandex-art', folderId: 'b1g', models: [model] }]
    expect(parse({ providers }).secrets.providers?.[0]?.models).toEqual([
      { ...model, capabilities: { GENERATE: { seed: { min: 0n, max: 18446744073709551615n } } } },
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
    [{ perImage: [{ price: 0.04, size: 'big' }] }, 'perImage.0.size: must be WIDTHxHEIGHT'],
    [{ from: '1 January' }, 'from: Invalid ISO date'],
    [{ currency: 'dollars' }, 'currency: must be three capital letters'],
    [{ textinput: 5 }, 'Unrecognized key: "textinput"'],
  ])('is refused as %j', (price, fault) => {
    const faults = faultsOf(withModel({ name: 'gpt-image-2', prices: [{ ...row, ...price }] }))
    expect(faults.join('\n')).toContain('providers.0.models.0.prices.0')
    expect(faults.join('\n')).toContain(fault)
  })
})
