import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const fault = /\b(?:CRS|DBF|MON|SSE|SYS|UPS)-\d\d\b/g
const invariant = /\bI\d\b/g

const tests = join(import.meta.dirname, '..')
const list = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8')
const listed = [...list.matchAll(/^\| ([A-Z0-9-]+) \|/gm)].map(([, id]) => id ?? '')

/** In the files of these folders that have such a name, each once. */
function find(ids: RegExp, folder: string, ending: string): string[] {
  const names = readdirSync(join(tests, folder), { recursive: true, encoding: 'utf8' })
  const texts = names
    .filter((name) => name.endsWith(ending))
    .map((name) => readFileSync(join(tests, folder, name), 'utf8'))
  return [...new Set(texts.flatMap((text) => text.match(ids) ?? []))].sort()
}

test('every fault that a test is about is on the list, and every one on the list has a test', () => {
  expect(listed.filter((id) => id.includes('-'))).toEqual(find(fault, '.', '.test.ts'))
})

test('every invariant that is checked is on the list, and every one on the list is checked', () => {
  expect(listed.filter((id) => !id.includes('-'))).toEqual(find(invariant, 'kit', '.ts'))
})
