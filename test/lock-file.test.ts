import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

interface LockedPackage {
  version?: string
  integrity?: string
  resolved?: string
  hasInstallScript?: boolean
}

const lock = JSON.parse(readFileSync(join(import.meta.dirname, '../package-lock.json'), 'utf8')) as {
  packages: Record<string, LockedPackage>
}
/** The package itself is the one without a path. */
const installed = Object.entries(lock.packages).flatMap(([path, found]) =>
  path === ''
    ? []
    : [{ path, name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length), ...found }],
)

/** The first version of each line that has no known hole in what this gateway does with it. */
const floors: Record<string, readonly string[]> = {
  '@fastify/busboy': ['3.2.6'],
  'form-data': ['4.0.6'],
  graphql: ['16.8.1'],
  'graphql-yoga': ['5.21.3'],
  sharp: ['0.35.0'],
  undici: ['7.29.1', '8.10.2'],
}
/** They hang or end the process on crafted bytes. */
const banned = ['dicer', 'image-size']
/** Prisma's tools, and the Node of the tests. The image is installed without any script: see the Dockerfile. */
const mayRunScripts = ['@prisma/engines', 'node', 'prisma']

const partsOf = (version: string) => version.split('-')[0]?.split('.').map(Number) ?? []

function isBelow(version: string, floor: string): boolean {
  const [given, least] = [partsOf(version), partsOf(floor)]
  const index = least.findIndex((part, i) => part !== (given[i] ?? 0))
  const isOlder = index >= 0 && (given[index] ?? 0) < (least[index] ?? 0)
  // A prerelease comes before its release.
  return isOlder || (index < 0 && version.includes('-'))
}

/** A later line is above the floor of an earlier one, but may have one of its own. */
function findFault(version: string, lines: readonly string[]): string | undefined {
  const major = partsOf(version)[0]
  const own = lines.find((floor) => partsOf(floor)[0] === major)
  return [own ?? lines[0] ?? ''].find((floor) => isBelow(version, floor))
}

describe('the locked packages', () => {
  test('are none below the version that mends a known hole', () => {
    const old = installed.flatMap(({ path, name, version = '' }) => {
      const floor = findFault(version, floors[name] ?? ['0.0.0'])
      return floors[name] && floor ? [`${path} ${version} is below ${floor}`] : []
    })
    expect(old).toEqual([])
    for (const name of ['@fastify/busboy', 'graphql', 'graphql-yoga', 'sharp', 'undici'])
      expect(installed.map((each) => each.name)).toContain(name)
  })

  test.each([
    ['7.29.0', true],
    ['7.29.1', false],
    ['7.30.0', false],
    ['8.10.1', true],
    ['8.10.2-beta.1', true],
    ['8.10.2', false],
    ['9.0.0', false],
    ['6.99.9', true],
  ])('are compared line by line: undici %s is refused: %s', (version, isRefused) => {
    expect(findFault(version, ['7.29.1', '8.10.2']) !== undefined).toBe(isRefused)
  })

  test('are none of those that crafted bytes can hang', () => {
    expect(installed.filter(({ name }) => banned.includes(name))).toEqual([])
  })

  test('hold graphql once: two copies do not know each other', () => {
    expect(installed.filter(({ name }) => name === 'graphql').map(({ path }) => path)).toEqual([
      'node_modules/graphql',
    ])
  })

  test('run no script at installation but those that are named here', () => {
    const running = installed.filter(({ hasInstallScript }) => hasInstallScript).map(({ name }) => name)
    expect(running.filter((name) => !mayRunScripts.includes(name))).toEqual([])
  })

  test('are held to their content, and come from a registry', () => {
    expect(
      installed.filter(({ integrity }) => !/^sha512-/.test(integrity ?? '')).map(({ path }) => path),
    ).toEqual([])
    const elsewhere = installed.filter(({ resolved = 'https://' }) => !resolved.startsWith('https://'))
    expect(elsewhere.map(({ path }) => path)).toEqual([])
  })
})
