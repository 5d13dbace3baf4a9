import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8')
const folders = ['snippets', 'codegen'].map((name) => join(import.meta.dirname, name))
const snippets = folders
  .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
  .filter((path) => /\.(ts|sh)$/.test(path))
const isShown = (path: string) => readme.includes(readFileSync(path, 'utf8').trim())

test('the README shows every snippet as the tests of the clients run it', () => {
  expect(snippets.filter((path) => !isShown(path))).toEqual([])
})
