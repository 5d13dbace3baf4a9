import { describe, expect, test } from 'vitest'
import { ConfigError, parseConfig } from '../../src/config/config.ts'
import { readEnv } from '../../src/config/env.ts'

const parse = (variables: Record<string, string>, file: string | null = null) =>
  parseConfig(readEnv({ EASEL_CONFIG: 'easel.yaml', ...variables }), file)

function faultsOf(run: () => unknown): string[] {
  try {
    run()
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
  return []
}

describe('the configuration', () => {
  test('needs nothing: an embedded database, files in ./data, the sandbox, no sign-in on the loopback', () => {
    const { config, secrets } = parse({})
    expect(config).toMatchObject({
      host: '127.0.0.1',
      port: 4000,
      publicUrl: 'http://127.0.0.1:4000',
      database: { kind: 'embedded' },
      dataDir: './data',
      storage: { kind: 'files' },
      auth: 'off',
      providerNames: null,
      timeZone: 'UTC',
    })
    expect(secrets).toEqual({ databaseUrl: null, adminKey: null, urlSecrets: [], providers: null })
  })

  test('reports every fault at once', () => {
    const faults = faultsOf(() =>
      parse(
        {
          PORT: '4o00',
          LOG_LEVEL: 'loud',
          EASEL_STORAGE: 'ftp://x',
          EASEL_AUTH: 'maybe',
          DATABASE_URL: 'mysql://x',
        },
        'limits: { maxUploadBytes: -1 }\nproviderz: []',
      ),
    )
    expect(faults).toEqual([
      'easel.yaml: limits.maxUploadBytes: Too small: expected number to be >0',
      'easel.yaml: (the whole file): Unrecognized key: "providerz"',
      'PORT must be a number from 0 to 65535, not "4o00"',
      'EASEL_AUTH must be "on" or "off", not "maybe"',
      'EASEL_STORAGE must be s3://bucket/prefix?endpoint=…&region=…, or absent for files in the data folder',
      'EASEL_URL_SECRET must be set with DATABASE_URL: every process must sign and verify with the same secret',
      'DATABASE_URL must start with postgresql://',
      'LOG_LEVEL must be one of fatal, error, warn, info, debug, trace, silent, not "loud"',
    ])
  })

  test('takes a time zone by its name in the database of time zones', () => {
    expect(parse({}, 'timeZone: Europe/Moscow').config.timeZone).toBe('Europe/Moscow')
    for (const name of ['Moscow', '+03:00', 'Europe/Atlantis'])
      expect(faultsOf(() => parse({}, `timeZone: "${name}"`))).toEqual([
        `easel.yaml: timeZone: there is no time zone "${name}": write a name such as Europe/Moscow`,
      ])
  })

  test('has US dollars and no rates unless told otherwise', () => {
    expect(parse({}).config.money).toEqual({ currency: 'USD', rates: [] })
    const file = `
money:
  currency: EUR
  rates:
    - { from: RUB, to: EUR, rate: 0.0096, since: 2026-01-01 }
    - { from: RUB, to: EUR, rate: "0.009612345678", since: 2026-02-01 }`
    expect(parse({}, file).config.money).toEqual({
      currency: 'EUR',
      rates: [
        { from: 'RUB', to: 'EUR', rate: '0.0096', since: '2026-01-01' },
        { from: 'RUB', to: 'EUR', rate: '0.009612345678', since: '2026-02-01' },
      ],
    })
  })

  test.each([
    ['currency: usd', 'money.currency: must be three capital letters, such as USD'],
    [
      'rates: [{ from: RUB, to: RUB, rate: 1, since: 2026-01-01 }]',
      'money.rates.0.to: must be another currency than from',
    ],
    [
      'rates: [{ from: RUB, to: USD, rate: 0, since: 2026-01-01 }]',
      'money.rates.0.rate: must be above 0 and below 10,000,000, with twelve decimals at most',
    ],
    [
      'rates: [{ from: RUB, to: USD, rate: -1, since: 2026-01-01 }]',
      'money.rates.0.rate: must be above 0 and below 10,000,000, with twelve decimals at most',
    ],
    [
      'rates: [{ from: RUB, to: USD, rate: 1e-13, since: 2026-01-01 }]',
      'money.rates.0.rate: must be above 0 and below 10,000,000, with twelve decimals at most',
    ],
    [
      'rates: [{ from: RUB, to: USD, rate: 1234.1234567890123, since: 2026-01-01 }]',
      'money.rates.0.rate: must be a text, in quotes: a number loses digits beyond 15',
    ],
    ['rates: [{ from: RUB, to: USD, rate: 1, since: yesterday }]', 'money.rates.0.since: Invalid ISO date'],
    ['rates: [{ from: RUB, to: USD, rate: 1 }]', 'money.rates.0.since: is missing'],
    [
      'rates: [{ from: RUB, to: USD, rate: 1, since: 2026-01-01 }, { from: RUB, to: USD, rate: 2, since: 2026-01-01 }]',
      'money.rates.1: the rate from RUB to USD since 2026-01-01 is given twice',
    ],
  ])('refuses money with %s', (line, fault) => {
    expect(faultsOf(() => parse({}, `money:\n  ${line}`))).toEqual([`easel.yaml: ${fault}`])
  })

  test('keeps what is not told otherwise, and refuses lives that contradict each other', () => {
    const day = 24 * 3_600_000
    expect(parse({}, `retention: { partialImagesMs: ${day / 2} }`).config.retention).toEqual({
      partialImagesMs: day / 2,
      failedSourcesMs: 3_600_000,
      resultsMs: 30 * day,
      operationsMs: 90 * day,
      spoolMs: 3_600_000,
      tempMs: day,
      quarantineMs: 30 * day,
    })
    expect(faultsOf(() => parse({}, `retention: { operationsMs: ${day} }`))).toEqual([
      'easel.yaml: retention.operationsMs: Too small: expected number to be >=2592000000',
    ])
    const file = `{ retention: { resultsMs: ${91 * day}, tempMs: 3600000 }, limits: { operationTimeoutMs: ${day} } }`
    expect(faultsOf(() => parse({}, file))).toEqual([
      'retention.resultsMs must not exceed retention.operationsMs',
      'retention.tempMs must be at least twice limits.operationTimeoutMs: files in use would be removed',
    ])
  })

  test('takes each limit by its name of before or in its group, and keeps the other defaults', () => {
    const { limits } = parse({}, 'limits: { drainTimeoutMs: 5000, images: { decoders: 4 } }').config
    expect(limits).toMatchObject({
      drainTimeoutMs: 5_000,
      drainDelayMs: 0,
      images: { decoders: 4, maxEdge: 16_384 },
    })
    const file =
      'limits: { documents: { maxDepht: 3 }, maxDepth: 3, images: { urlSeconds: 60, maxUrlSeconds: 0 } }'
    expect(faultsOf(() => parse({}, file))).toEqual([
      'easel.yaml: limits.documents: Unrecognized key: "maxDepht"',
      'easel.yaml: limits.images.maxUrlSeconds: Too small: expected number to be >0',
      'easel.yaml: limits: Unrecognized key: "maxDepth"',
    ])
    expect(faultsOf(() => parse({}, 'limits: { images: { maxUrlSeconds: 60 } }'))).toEqual([
      'limits.images.urlSeconds must not exceed limits.images.maxUrlSeconds',
    ])
    // A timer fires at once beyond it.
    expect(faultsOf(() => parse({}, `limits: { drainTimeoutMs: ${2 ** 31} }`))).toHaveLength(1)
  })

  test('refuses a key of the first admin that is easy to guess', () => {
    const refused = (EASEL_ADMIN_KEY: string) => faultsOf(() => parse({ EASEL_ADMIN_KEY }))
    expect(refused('a'.repeat(16))).toEqual(['EASEL_ADMIN_KEY must have at least 6 different characters'])
    expect(refused('abcab'.repeat(10))).toHaveLength(1)
    expect(refused('fifteen-letters')).toEqual(['EASEL_ADMIN_KEY must have at least 16 characters'])
    expect(refused('0123456789abcdef')).toEqual([])
  })

  test('keeps metrics for administrators unless the file opens them', () => {
    expect(parse({}).config.metrics).toBe('admins')
    for (const metrics of ['machine', 'everybody'] as const)
      expect(parse({}, `metrics: ${metrics}`).config.metrics).toBe(metrics)
  })

  test('shows the schema in development, and in production where the file says so', () => {
    const shown = (variables: Record<string, string>, file: string | null = null) => {
      const { introspection, graphiql } = parse(variables, file).config
      return { introspection, graphiql }
    }
    const production = { NODE_ENV: 'production' }
    expect(shown({})).toEqual({ introspection: true, graphiql: true })
    expect(shown(production)).toEqual({ introspection: false, graphiql: false })
    const both = (value: boolean) => `{ introspection: ${value}, graphiql: ${value} }`
    expect(shown(production, both(true))).toEqual({ introspection: true, graphiql: true })
    expect(shown({}, both(false))).toEqual({ introspection: false, graphiql: false })
  })

  test('finds the list of trusted documents beside its own file, and enforces it unless told otherwise', () => {
    const variables = { EASEL_CONFIG: '/etc/easel/easel.yaml' }
    const trusted = (text: string) => parse(variables, `trustedDocuments: ${text}`).config.trustedDocuments
    expect(parse({}).config.trustedDocuments).toBe(null)
    expect(trusted('{ file: list.json }')).toEqual({
      file: '/etc/easel/list.json',
      mode: 'enforce',
      paidMutations: 'any',
    })
    expect(trusted('{ file: /srv/list.json, mode: log, paidMutations: registered }')).toEqual({
      file: '/srv/list.json',
      mode: 'log',
      paidMutations: 'registered',
    })
    expect(faultsOf(() => trusted('{ mode: sometimes }'))).toHaveLength(2)
  })

  const jwt = 'jwt: { issuer: https://i.example, audience: easel, jwksUrl: "https://i.example/jwks" }'
  const signs: [string, Record<string, string>, string | null][] = [
    ['HOST is "0.0.0.0"', { HOST: '0.0.0.0' }, null],
    ['EASEL_PUBLIC_URL is on "easel.example"', { EASEL_PUBLIC_URL: 'https://easel.example/x' }, null],
    ['EASEL_ADMIN_KEY is set', { EASEL_ADMIN_KEY: 'the-key-of-the-first-admin' }, null],
    ['NODE_ENV is production', { NODE_ENV: 'production' }, null],
    ['easel.yaml has jwt', {}, jwt],
  ]

  test.each(signs)('is closed by default where others may come in: %s', (sign, variables, file) => {
    expect(parse(variables, file).config.auth).toBe('on')
    expect(parse({ ...variables, EASEL_AUTH: 'on' }, file).config.auth).toBe('on')
    expect(faultsOf(() => parse({ ...variables, EASEL_AUTH: 'off' }, file))).toEqual([
      `EASEL_AUTH=off makes everybody an administrator and is for one machine alone, but ${sign}`,
    ])
  })

  test('names every sign that stands against an open gateway, and no key', () => {
    const all = Object.assign({ EASEL_AUTH: 'off' }, ...signs.map(([, variables]) => variables))
    const [fault, ...others] = faultsOf(() => parse(all, jwt))
    expect(others).toEqual([])
    for (const [sign] of signs) expect(fault).toContain(sign)
    expect(fault).not.toContain('the-key-of')
  })

  test('is open on a host and a public address of this machine alone', () => {
    for (const host of ['localhost', '127.0.0.2', '::1', 'easel.localhost']) {
      expect(parse({ HOST: host, NODE_ENV: 'development' }).config.auth).toBe('off')
    }
    for (const url of ['http://localhost:8080', 'http://[::1]:4000/easel', 'http://127.0.0.1']) {
      expect(parse({ EASEL_PUBLIC_URL: url, EASEL_AUTH: 'off' }).config.auth).toBe('off')
    }
  })

  test('fills variables from the environment, and names a variable that is not set', () => {
    const reference = ['$', '{OPENAI_API_KEY}'].join('')
    const file = `providers: [{ name: openai, preset: openai, apiKey: "${reference}" }]`
    const { config, secrets } = parse({ OPENAI_API_KEY: 'sk-1' }, file)
    expect(secrets.providers).toEqual([{ name: 'openai', preset: 'openai', apiKey: 'sk-1' }])
    expect(JSON.stringify(config)).not.toContain('sk-1')
    expect(faultsOf(() => parse({}, file))).toEqual([
      'easel.yaml: providers.0.apiKey: the variable OPENAI_API_KEY is not set',
    ])
  })

  test('takes JSON as well as YAML, and says where neither can be read', () => {
    expect(parse({}, '{"defaults": {"edit": "gpt-image-2"}}').config.defaults).toEqual({
      edit: 'gpt-image-2',
    })
    expect(faultsOf(() => parse({}, 'a: [1'))[0]).toMatch(/^easel\.yaml is neither YAML nor JSON: /)
  })

  test('refuses a default that no model answers to, or none for its kind', () => {
    const art = 'providers: [{ name: art, preset: yandex-art, folderId: b1g }]\n'
    const defaults = (text: string) => faultsOf(() => parse({}, `${art}defaults: ${text}`))
    expect(defaults('{ generate: art/yandex-art }')).toEqual([])
    expect(defaults('{ generate: yandex-arts, variation: yandex-art }')).toEqual([
      'easel.yaml: defaults.generate: there is no such model here',
      'easel.yaml: defaults.variation: the model does not serve VARIATION',
    ])
    // A model that was retired still has its name: the request says what replaced it.
    expect(faultsOf(() => parse({}, 'defaults: { variation: dall-e-2 }'))).toEqual([])
  })

  test('takes the budgets of new users in units of their currency, and refuses what no budget can be', () => {
    const budgets = (text: string) => `defaults: { budget: [${text}] }`
    const money = '{ period: MONTH, unit: MONEY, limit: 5.1, currency: USD }'
    const tokens = '{ period: DAY, unit: TOKENS, limit: 9000 }'
    expect(parse({}, budgets(`${money}, ${tokens}`)).config.newUserBudgets).toEqual([
      { period: 'MONTH', unit: 'MONEY', limit: 5_100_000, currency: 'USD' },
      { period: 'DAY', unit: 'TOKENS', limit: 9_000 },
    ])
    expect(parse({}, '').config.newUserBudgets).toEqual([])
    const fault = (text: string) => faultsOf(() => parse({}, budgets(text)))[0]
    const place = 'easel.yaml: defaults.budget.0'
    expect(fault('{ period: WEEK, unit: TOKENS, limit: 1 }')).toMatch(`${place}.period: `)
    expect(fault('{ period: DAY, unit: APPLES, limit: 1 }')).toMatch(`${place}.unit: `)
    expect(fault('{ period: DAY, unit: TOKENS, limit: 1.5 }')).toMatch(`${place}.limit: `)
    expect(fault('{ period: DAY, unit: TOKENS, limit: 1, currency: USD }')).toMatch(/^.*"currency"/)
    expect(fault('{ period: DAY, unit: MONEY, limit: 1, currency: usd }')).toMatch(`${place}.currency: `)
    expect(fault('{ period: DAY, unit: MONEY, limit: 0.0000001 }')).toMatch(/six decimals at most/)
    expect(fault('{ period: DAY, unit: MONEY, limit: -1 }')).toMatch(`${place}.limit: `)
    expect(fault(`${tokens}, ${tokens}`)).toBe(
      'easel.yaml: defaults.budget.1: the budget of TOKENS for DAY is given twice',
    )
  })

  test('takes a bucket with a prefix, and refuses a prefix that could mean another place', () => {
    const storage = (text: string) => parse({ EASEL_STORAGE: text }).config.storage
    expect(storage('s3://pictures?region=eu')).toEqual({
      kind: 's3',
      bucket: 'pictures',
      prefix: '',
      endpoint: null,
      region: 'eu',
    })
    expect(storage('s3://pictures/easel/live/')).toMatchObject({ bucket: 'pictures', prefix: 'easel/live/' })
    for (const wrong of ['a//b', 'a%2Fb', 'a b', 'ä']) {
      expect(faultsOf(() => storage(`s3://pictures/${wrong}`))).toHaveLength(1)
    }
  })
})
