import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { presets } from '../../src/providers/dialects/table.ts'
import { errorCodes } from '../../src/reasons/error-codes.ts'
import { startTestGateway, type TestGateway } from '../kit/gateway/test-gateway.ts'
import { photoFile } from '../kit/photo.ts'
import { defaultLimits } from '../kit/rooms/default-limits.ts'
import { printReasonTables, reasonTables } from './reason-tables.ts'

const root = join(import.meta.dirname, '../..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const samples = Object.fromEntries(
  [...readme.matchAll(/<!-- sample: (\w+) -->\n```sh\n([\s\S]*?)```/g)].map(([, name, text]) => [name, text]),
)

/** The numbers of an object and of the objects in it, by their path. */
function listLeaves(value: object, path = ''): [string, unknown][] {
  return Object.entries(value).flatMap(([name, item]) =>
    item !== null && typeof item === 'object'
      ? listLeaves(item, `${path}${name}.`)
      : [[`${path}${name}`, item]],
  )
}

describe('the README', () => {
  let gateway: TestGateway
  beforeAll(async () => {
    gateway = await startTestGateway({ databaseUrl: null })
    const photo = await photoFile({ format: 'jpeg' })
    await writeFile(join(gateway.folder, 'photo.jpg'), Buffer.from(await photo.arrayBuffer()))
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  const run = async (name: string, env: Record<string, string> = {}) => {
    const script = samples[name]?.replaceAll('http://127.0.0.1:4000', gateway.url) ?? ''
    expect(script).toMatch(/^curl /)
    const { stdout } = await promisify(execFile)('bash', ['-ec', script.replace('curl ', 'curl -s ')], {
      cwd: gateway.folder,
      env: { ...process.env, ...env },
    })
    return stdout
  }

  test('edits a photo with the curl command it shows', async () => {
    const { data } = JSON.parse(await run('edit'))
    expect(data.editImage).toMatchObject({ status: 'SUCCEEDED', error: null })
    expect((await fetch(data.editImage.response.data[0].url)).status).toBe(200)
  })

  test('generates, watches and reports with the commands it shows', async () => {
    const { data } = JSON.parse(await run('generate'))
    const stream = await run('watch', { OPERATION_ID: data.generateImage.id })
    expect(stream.match(/image_generation\.partial_image/g)).toHaveLength(2)
    expect(stream.match(/image_generation\.completed/g)).toHaveLength(1)
    expect(stream).toContain('event: complete')
    const report = JSON.parse(await run('usage'))
    expect(Number(report.data.usage.total.totalTokens)).toBeGreaterThan(0)
  })

  test('lists every preset of a provider, and no other', () => {
    const [, table = ''] = /\n\| preset \|[^\n]*\n\|[-|]+\n((?:\|[^\n]*\n)+)/.exec(readme) ?? []
    const listed = table.split('\n').flatMap((row) => {
      const [, first = ''] = row.split('|')
      return [...first.matchAll(/`([\w-]+)`/g)].map(([, name]) => name)
    })
    expect(listed.sort()).toEqual(Object.keys(presets).sort())
  })

  test('lists every limit with its default, and no other', () => {
    const listed = [...readme.matchAll(/^\| `([a-z][\w.]+)` \| ([\d,]+|any number) \|/gm)].map(
      ([, name, value = '']) => [name, value === 'any number' ? null : Number(value.replaceAll(',', ''))],
    )
    expect(listed).toEqual(listLeaves(defaultLimits))
  })

  test('lists every variable of the environment, and no other', () => {
    const source = readFileSync(join(root, 'src/config/env.ts'), 'utf8')
    const read = [...source.matchAll(/read\('([A-Z_]+)'\)/g)].map(([, name]) => name)
    const [, table = ''] = /\n\| variable \|[^\n]*\n\|[-|]+\n((?:\|[^\n]*\n)+)/.exec(readme) ?? []
    const listed = [...table.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, name]) => name)
    expect(listed).toEqual(read)
  })

  test('lists every error code with its HTTP status, and no other', () => {
    const listed = [...readme.matchAll(/^\| `([A-Z_]+)` \| (\d+) \|/gm)].map(([, code, status]) => [
      code,
      Number(status),
    ])
    expect(listed).toEqual(Object.entries(errorCodes).map(([code, { httpStatus }]) => [code, httpStatus]))
  })

  test('lists every reason with its code, its meaning and what to do, and no other', () => {
    expect(reasonTables.exec(readme)?.[0]).toBe(printReasonTables())
  })

  test('names only files and scripts that are there', () => {
    const scripts = Object.keys(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).scripts)
    const named = [...readme.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name)
    expect(named.filter((name) => !scripts.includes(name ?? ''))).toEqual([])
    for (const [, file] of readme.matchAll(/\]\(((?!http)[^)]+)\)/g)) readFileSync(join(root, file ?? ''))
  })
})
