import { dirname, resolve } from 'node:path'
import { parse as parseYaml } from 'yaml'
import { answersTo } from '../catalogue/model-registry.ts'
import { defaultWords, operationKinds } from '../catalogue/operation-kind.ts'
import { findWrittenFaults, listProviderModels } from '../providers/provider-options.ts'
import { readAuth } from './auth.ts'
import { type ConfigFile, configFile } from './config-file.ts'
import type { Env } from './env.ts'

/** The configuration without its secrets, so it is safe to log. */
export interface Config {
  host: string
  port: number
  publicUrl: string
  database: { kind: 'embedded' } | { kind: 'server'; poolSize: number }
  dataDir: string
  storage: StorageConfig
  auth: 'on' | 'off'
  jwt: ConfigFile['jwt'] | null
  /** Origins of other sites whose pages may call this gateway. */
  allowedOrigins: string[]
  /** Proxies that say truly where a request comes from. */
  trustedProxies: string[]
  defaults: { generate?: string; edit?: string; variation?: string }
  /** What new users get. */
  newUserBudgets: NonNullable<NonNullable<ConfigFile['defaults']>['budget']>
  /** Null: the sandbox, started by the gateway itself. */
  providerNames: string[] | null
  /** Where days and months begin. */
  timeZone: string
  money: ConfigFile['money']
  metrics: ConfigFile['metrics']
  introspection: boolean
  graphiql: boolean
  /** The file is an absolute path. */
  trustedDocuments: NonNullable<ConfigFile['trustedDocuments']> | null
  limits: ConfigFile['limits']
  retention: ConfigFile['retention']
  logLevel: string
  production: boolean
}

export type StorageConfig =
  | { kind: 'files' }
  /** The prefix is empty or ends with a slash. */
  | { kind: 's3'; bucket: string; prefix: string; endpoint: string | null; region: string | null }

/** Secrets are kept apart, so that a printed configuration holds none. */
export interface Secrets {
  databaseUrl: string | null
  adminKey: string | null
  /** The first one signs, all verify. Empty: one is made at the first start and kept in the data folder. */
  urlSecrets: string[]
  /** The providers with their keys filled in, and prices in millionths. */
  providers: NonNullable<ConfigFile['providers']> | null
}

/** Everything that is wrong with the configuration, in one message. */
export class ConfigError extends Error {
  readonly faults: string[]

  constructor(faults: string[]) {
    super(`Easel cannot start:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`)
    this.name = 'ConfigError'
    this.faults = faults
  }
}

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']
const leastSecret = 16
/** Sixteen random digits, hexadecimal, have fewer in four of a hundred thousand cases. */
const leastDifferent = 6

/** Pure: the environment and the text of the configuration file in, the configuration or all its faults out. */
export function parseConfig(env: Env, fileText: string | null): { config: Config; secrets: Secrets } {
  const faults: string[] = []
  const file = readFile(fileText, env, faults)
  const host = env.host ?? '127.0.0.1'
  const port = readPort(env.port, faults)
  const { limits, retention } = file
  const { budget: newUserBudgets = [], ...defaultModels } = file.defaults ?? {}
  checkDefaults(file, env, faults)
  checkRetention(retention, limits, faults)
  if (limits.images.urlSeconds > limits.images.maxUrlSeconds)
    faults.push('limits.images.urlSeconds must not exceed limits.images.maxUrlSeconds')
  const publicUrl = readPublicUrl(env, { host, port }, faults)
  const auth = readAuth(env, { host, publicUrl, hasJwt: file.jwt !== undefined }, faults)
  const storage = readStorage(env.storage, faults)
  const urlSecrets = readUrlSecrets(env, faults)
  const production = env.nodeEnv === 'production'
  if (env.databaseUrl && !/^postgres(ql)?:\/\//.test(env.databaseUrl)) {
    faults.push('DATABASE_URL must start with postgresql://')
  }
  if (env.logLevel && !logLevels.includes(env.logLevel)) {
    faults.push(`LOG_LEVEL must be one of ${logLevels.join(', ')}, not "${env.logLevel}"`)
  }
  if (env.adminKey) checkAdminKey(env.adminKey, faults)
  if (faults.length > 0) throw new ConfigError(faults)
  return {
    config: {
      host,
      port,
      publicUrl,
      database: env.databaseUrl ? { kind: 'server', poolSize: limits.databasePool } : { kind: 'embedded' },
      dataDir: env.dataDir ?? './data',
      storage,
      auth,
      jwt: file.jwt ?? null,
      allowedOrigins: file.allowedOrigins?.map((url) => new URL(url).origin) ?? [],
      trustedProxies: file.trustedProxies,
      defaults: withoutUndefined(defaultModels),
      newUserBudgets,
      providerNames: file.providers?.map(({ name }) => name) ?? null,
      timeZone: file.timeZone,
      money: file.money,
      metrics: file.metrics,
      introspection: file.introspection ?? !production,
      graphiql: file.graphiql ?? !production,
      trustedDocuments: findTrustedDocuments(file, env),
      limits,
      retention,
      logLevel: env.logLevel ?? 'info',
      production,
    },
    secrets: {
      databaseUrl: env.databaseUrl ?? null,
      adminKey: env.adminKey ?? null,
      urlSecrets,
      providers: file.providers ?? null,
    },
  }
}

/** An empty file: every setting has its default. */
const emptyFile = configFile.parse({})

function readFile(text: string | null, env: Env, faults: string[]): ConfigFile {
  if (text === null) return emptyFile
  let raw: unknown
  try {
    // JSON is YAML too.
    raw = parseYaml(text, { prettyErrors: false })
  } catch (error) {
    faults.push(`${env.configFile} is neither YAML nor JSON: ${(error as Error).message}`)
    return emptyFile
  }
  const unset = new Set<string>()
  const filled = fillVariables(raw ?? {}, { env, path: [], faults, unset })
  const result = configFile.safeParse(filled, { error: describeMissing })
  for (const { path, message } of [...(result.error?.issues ?? []), ...findWrittenFaults(filled)]) {
    const place = path.join('.')
    // A text with a missing variable is reported once, as the missing variable.
    if (!unset.has(place)) faults.push(`${env.configFile}: ${place || '(the whole file)'}: ${message}`)
  }
  return result.data ?? emptyFile
}

/** Replaces zod's "expected string, received undefined" for a line that is not there. */
function describeMissing({ code, input }: { code: string; input?: unknown }): string | undefined {
  return code === 'invalid_type' && input === undefined ? 'is missing' : undefined
}

interface Filling {
  env: Env
  path: string[]
  faults: string[]
  /** The places of texts that name a variable which is not set. */
  unset: Set<string>
}

/** Puts the environment's value where the file says `${NAME}`. */
function fillVariables(value: unknown, at: Filling): unknown {
  const { env, path, faults, unset } = at
  if (typeof value === 'string') {
    return value.replaceAll(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (_, name: string) => {
      const found = env.variable(name)
      if (found !== undefined) return found
      unset.add(path.join('.'))
      faults.push(`${env.configFile}: ${path.join('.')}: the variable ${name} is not set`)
      return ''
    })
  }
  if (Array.isArray(value)) {
    return value.map((item, index) => fillVariables(item, { ...at, path: [...path, `${index}`] }))
  }
  if (value === null || typeof value !== 'object') return value
  const entries = Object.entries(value)
  return Object.fromEntries(
    entries.map(([key, item]) => [key, fillVariables(item, { ...at, path: [...path, key] })]),
  )
}

/** A default model that does not exist would fail every request that relies on it. */
function checkDefaults({ providers, defaults = {} }: ConfigFile, env: Env, faults: string[]): void {
  const models = (providers ?? [{ name: 'sandbox', preset: 'sandbox' } as const]).flatMap(listProviderModels)
  for (const kind of operationKinds) {
    const word = defaultWords[kind]
    const name = defaults[word]
    if (name === undefined) continue
    const meant = models.filter((model) => answersTo(model, name))
    const fault = meant.length === 0 ? 'there is no such model here' : `the model does not serve ${kind}`
    if (!meant.some((model) => model.kinds.includes(kind)))
      faults.push(`${env.configFile}: defaults.${word}: ${fault}`)
  }
}

function checkRetention(
  { resultsMs, operationsMs, partialImagesMs, tempMs }: Config['retention'],
  { operationTimeoutMs }: Config['limits'],
  faults: string[],
): void {
  if (resultsMs > operationsMs) faults.push('retention.resultsMs must not exceed retention.operationsMs')
  if (partialImagesMs > resultsMs)
    faults.push('retention.partialImagesMs must not exceed retention.resultsMs')
  if (tempMs < 2 * operationTimeoutMs) {
    faults.push(
      'retention.tempMs must be at least twice limits.operationTimeoutMs: files in use would be removed',
    )
  }
}

function findTrustedDocuments({ trustedDocuments }: ConfigFile, env: Env): Config['trustedDocuments'] {
  if (!trustedDocuments) return null
  const folder = dirname(env.configFile ?? '')
  return { ...trustedDocuments, file: resolve(folder, trustedDocuments.file) }
}

function checkAdminKey(key: string, faults: string[]): void {
  if (key.length < leastSecret) faults.push(`EASEL_ADMIN_KEY must have at least ${leastSecret} characters`)
  else if (new Set(key).size < leastDifferent)
    faults.push(`EASEL_ADMIN_KEY must have at least ${leastDifferent} different characters`)
}

function readPort(text: string | undefined, faults: string[]): number {
  if (text === undefined) return 4000
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65_535) return port
  faults.push(`PORT must be a number from 0 to 65535, not "${text}"`)
  return 4000
}

const prefixShape = /^(?!.*(?:^|\/)\.{1,2}(?:\/|$))[\w.-]+(?:\/[\w.-]+)*$/

function readStorage(text: string | undefined, faults: string[]): StorageConfig {
  if (text === undefined) return { kind: 'files' }
  const url = URL.parse(text)
  if (url?.protocol === 's3:' && url.hostname) {
    const unknown = [...url.searchParams.keys()].filter((name) => name !== 'endpoint' && name !== 'region')
    for (const name of unknown)
      faults.push(`EASEL_STORAGE does not know "${name}": it takes endpoint and region`)
    const { searchParams, hostname, pathname } = url
    const prefix = pathname.replace(/^\/+|\/+$/g, '')
    if (prefix && !prefixShape.test(prefix)) {
      faults.push(
        `EASEL_STORAGE: the prefix may have letters, digits, "_", "-" and "." in parts with "/" between, not "${prefix}"`,
      )
    }
    return {
      kind: 's3',
      bucket: hostname,
      prefix: prefix && `${prefix}/`,
      endpoint: searchParams.get('endpoint'),
      region: searchParams.get('region'),
    }
  }
  faults.push(
    'EASEL_STORAGE must be s3://bucket/prefix?endpoint=…&region=…, or absent for files in the data folder',
  )
  return { kind: 'files' }
}

function readUrlSecrets(env: Env, faults: string[]): string[] {
  const secrets = env.urlSecret?.split(',').map((secret) => secret.trim()) ?? []
  if (secrets.some((secret) => secret.length < leastSecret)) {
    faults.push(
      `EASEL_URL_SECRET must be one or more secrets of at least ${leastSecret} characters, with commas between`,
    )
  }
  if (secrets.length === 0 && env.databaseUrl) {
    faults.push(
      'EASEL_URL_SECRET must be set with DATABASE_URL: every process must sign and verify with the same secret',
    )
  }
  return secrets
}

function readPublicUrl(env: Env, { host, port }: { host: string; port: number }, faults: string[]): string {
  const fallback = `http://${host.includes(':') ? `[${host}]` : host}:${port}`
  if (env.publicUrl === undefined) return fallback
  const url = URL.parse(env.publicUrl)
  if (url && /^https?:$/.test(url.protocol) && !url.search && !url.hash)
    return env.publicUrl.replace(/\/+$/, '')
  faults.push(`EASEL_PUBLIC_URL must be an http(s) address without a query, not "${env.publicUrl}"`)
  return fallback
}

function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as never
}
