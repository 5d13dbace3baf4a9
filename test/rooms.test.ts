import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'

/** Which rooms a room of src/ may import, beside itself. Arrows point down, never up or sideways. */
const mayUse: Record<string, string[]> = {
  'main.ts': ['app.ts', 'config'],
  'app.ts': ['app', 'config', 'server', 'database', 'sandbox'],
  app: [
    'config',
    'server',
    'schema',
    'operations',
    'providers',
    'images',
    'usage',
    'accounts',
    'database',
    'sandbox',
  ],
  // Talks to the running gateway like any client, so it has no part of it.
  'admin.ts': ['admin', 'config', 'errors.ts'],
  admin: ['calendar.ts', 'errors.ts'],
  // Of the providers only what checks those of the configuration: see below.
  config: ['catalogue', 'providers', 'calendar.ts', 'errors.ts', 'loopback.ts'],
  server: [
    'schema',
    'images',
    'accounts',
    'reasons',
    'errors.ts',
    'is-record.ts',
    'loopback.ts',
    'piece-pool.ts',
    'rate-counter.ts',
  ],
  schema: [
    'operations',
    'catalogue',
    'providers',
    'images',
    'usage',
    'accounts',
    'database',
    'errors.ts',
    'row-id.ts',
  ],
  operations: ['catalogue', 'providers', 'images', 'usage', 'database', 'reasons', 'errors.ts', 'row-id.ts'],
  catalogue: ['reasons', 'errors.ts', 'is-record.ts'],
  providers: ['catalogue', 'reasons', 'errors.ts', 'is-record.ts', 'piece-pool.ts'],
  images: ['catalogue', 'database', 'reasons', 'errors.ts', 'piece-pool.ts', 'row-id.ts'],
  usage: ['catalogue', 'database', 'calendar.ts', 'errors.ts'],
  accounts: ['database', 'errors.ts', 'rate-counter.ts'],
  database: ['errors.ts', 'is-record.ts'],
  sandbox: [],
  // Pure lists, below everything: what an error may say is decided here.
  reasons: [],
  'calendar.ts': [],
  'errors.ts': ['reasons'],
  'is-record.ts': [],
  'loopback.ts': [],
  'piece-pool.ts': [],
  'rate-counter.ts': [],
  'row-id.ts': [],
}

/** Packages that belong to some rooms only. */
const packageRooms: Record<string, string[]> = {
  graphql: ['schema', 'server'],
  undici: ['providers', 'images'],
}

const src = join(import.meta.dirname, '../src')
const everything = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(
  (file) => /\.tsx?$/.test(file) && !file.includes('generated/'),
)
/** The console is a program of its own, for the browser. */
const files = everything.filter((file) => !file.startsWith('console'))

const roomOf = (file: string) => file.split('/')[0] ?? file

function importsOf(file: string): string[] {
  const text = readFileSync(resolve(src, file), 'utf8')
  return [...text.matchAll(/(?:^import|^export|^} from|\bimport\()[^'"\n]*['"]([^'"]+)['"]/gm)].map(
    ([, name]) => name ?? '',
  )
}

/** Each circle of imports as one line, from the first file in it. */
function findCircles(among: readonly string[]): string[] {
  const circles: string[] = []
  const done = new Set<string>()
  const visit = (file: string, path: readonly string[]) => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' > '))
    if (path.includes(file) || done.has(file)) return
    for (const name of importsOf(file).filter((each) => each.startsWith('.'))) {
      const imported = relative(src, join(src, dirname(file), name))
      if (among.includes(imported)) visit(imported, [...path, file])
    }
    done.add(file)
  }
  for (const file of among) visit(file, [])
  return circles
}

describe('the rooms of src', () => {
  test('are all known', () => {
    expect([...new Set(files.map(roomOf))].filter((room) => !mayUse[room])).toEqual([])
  })

  test('are all in ARCHITECTURE.md', () => {
    const page = readFileSync(join(src, '../ARCHITECTURE.md'), 'utf8')
    const folders = Object.keys(mayUse).filter((room) => !room.endsWith('.ts'))
    expect(folders.filter((room) => !page.includes(`| \`${room}/\` |`))).toEqual([])
  })

  test('import only what stands below them', () => {
    const wrong = files.flatMap((file) =>
      importsOf(file)
        .filter((name) => name.startsWith('.'))
        .map((name) => roomOf(relative(src, join(src, dirname(file), name))))
        .filter((room) => room !== roomOf(file) && !mayUse[roomOf(file)]?.includes(room))
        .map((room) => `${file} imports ${room}`),
    )
    expect(wrong).toEqual([])
  })

  test('show the configuration only how providers are checked', () => {
    const used = files
      .filter((file) => roomOf(file) === 'config')
      .flatMap(importsOf)
      .filter((name) => name.includes('/providers/'))
    expect([...new Set(used)]).toEqual(['../providers/provider-options.ts'])
  })

  test('show the console only the reasons of failed operations', () => {
    const imported = readdirSync(join(src, 'console'), { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.tsx?$/.test(file))
      .flatMap((file) =>
        importsOf(join('console', file))
          .filter((name) => name.startsWith('.'))
          .map((name) => relative(src, join(src, 'console', dirname(file), name))),
      )
      .filter((file) => roomOf(file) !== 'console')
    // And the calendar, which is no room: it says where the bars of a chart begin.
    expect([...new Set(imported)].sort()).toEqual(['calendar.ts', 'reasons/failure-reasons.ts'])
  })

  test('have no files that import each other in a circle', () => {
    expect(findCircles(everything)).toEqual([])
  })

  test('keep graphql in schema and server, and undici in providers and images', () => {
    const wrong = files.flatMap((file) =>
      importsOf(file)
        .filter((name) => packageRooms[name] && !packageRooms[name].includes(roomOf(file)))
        .map((name) => `${file} imports ${name}`),
    )
    expect(wrong).toEqual([])
  })

  test('name a dialect in its folder and in the table only', () => {
    const dialects = readdirSync(join(src, 'providers/dialects'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
    const wrong = files
      .filter((file) => roomOf(file) !== 'sandbox' && file !== 'providers/dialects/table.ts')
      .flatMap((file) => {
        const text = readFileSync(join(src, file), 'utf8')
        return dialects
          .filter((name) => !file.startsWith(`providers/dialects/${name}/`))
          .filter((name) => new RegExp(`['"\`]${name}['"\`]|dialects/${name}/`).test(text))
          .map((name) => `${file} names ${name}`)
      })
    expect(wrong).toEqual([])
  })

  test('read the environment in config/env.ts alone', () => {
    const readers = files.filter((file) => /process\.env\b/.test(readFileSync(join(src, file), 'utf8')))
    expect(readers.filter((file) => file !== 'config/env.ts' && roomOf(file) !== 'sandbox')).toEqual([])
  })

  test('hold no file that image bytes could hang: image-size and dicer are not installed', () => {
    const lock = JSON.parse(readFileSync(join(src, '../package-lock.json'), 'utf8')) as {
      packages: Record<string, unknown>
    }
    const installed = Object.keys(lock.packages)
    expect(installed.filter((path) => /node_modules\/(image-size|dicer)$/.test(path))).toEqual([])
    expect(installed.filter((path) => /node_modules\/graphql$/.test(path))).toEqual(['node_modules/graphql'])
  })
})

describe('the rooms of test', () => {
  const tests = join(src, '../test')
  const sources = readdirSync(tests, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && file.includes('/'),
  )

  test('import their own files and those of the kit, and the kit those of no room', () => {
    const wrong = sources.flatMap((file) =>
      importsOf(join(tests, file))
        .filter((name) => name.startsWith('.'))
        .map((name) => relative(tests, join(tests, dirname(file), name)))
        .filter((imported) => !imported.startsWith('..') && ![roomOf(file), 'kit'].includes(roomOf(imported)))
        .map((imported) => `${file} imports ${imported}`),
    )
    expect(wrong).toEqual([])
  })
})
