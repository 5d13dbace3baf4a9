import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { databases } from '../kit/gateway/test-bed.ts'
import { isLong } from '../kit/limits.ts'
import { splitEvents } from './events.ts'

const run = promisify(execFile)

/** What the benchmark prints of some cells, line by line, over as few operations as there can be. */
async function bench(cells: string, database: string): Promise<string[][]> {
  const options = ['--cells', cells, '--operations', '1', '--database', database]
  const { stdout } = await run(process.execPath, [join(import.meta.dirname, 'bench.ts'), ...options])
  const lines = stdout.trimEnd().split('\n')
  return lines.map((line) => line.split('|').slice(1, -1)).map((line) => line.map((text) => text.trim()))
}

/** How fast anything was is no part of the verdict. */
const hideNumber = (text: string) => text.replace(/^-?\d+(\.\d+)?$/, '#')

const columns = ['figure', 'cell', 'direct', 'raw', 'plain', 'gateway', 'gateway ÷ raw', 'gateway ÷ plain']

/** Which targets have each figure. */
const figures = {
  'CPU per operation, ms': ['-', '#', '#', '#'],
  'latency, ms': ['#', '#', '#', '#'],
  'added latency, ms': ['-', '#', '#', '#'],
  'first partial image, ms': ['#', '#', '#', '#'],
  'peak RSS, MiB': ['-', '#', '#', '#'],
  'event-loop delay p99, ms': ['-', '#', '#', '#'],
  'statements per operation': ['-', '-', '-', '#'],
}

const cellsOf = (figure: string) =>
  figure === 'first partial image, ms'
    ? ['streamed edit c1']
    : ['generation c1', 'edit c1', 'streamed edit c1']

test('prints every figure of every kind of operation and every target', async () => {
  const [head, rule, ...lines] = await bench('c1$', 'embedded')
  expect(head).toEqual(columns)
  expect(rule?.every((text) => /^-+:?$/.test(text))).toBe(true)
  expect(lines.map((line) => line.slice(0, 6).map(hideNumber))).toEqual(
    Object.entries(figures).flatMap(([figure, told]) =>
      cellsOf(figure).map((cell) => [figure, cell, ...told]),
    ),
  )
  // Others may be nothing, by chance, and then there is no ratio.
  const ratios = lines.filter(([figure]) => figure === 'latency, ms').flatMap((line) => line.slice(6))
  expect(ratios.map(hideNumber)).toEqual(Array(6).fill('#'))
})

test.runIf(isLong && databases.includes('server'))(
  'measures the gateway over a PostgreSQL server',
  async () => {
    const lines = await bench('^generation c1$', 'server')
    const statements = lines.filter(([figure]) => figure === 'statements per operation')
    expect(statements.map((line) => line.map(hideNumber))).toEqual([
      ['statements per operation', 'generation c1', '-', '-', '-', '#', '-', '-'],
    ])
  },
)

test('finds the events of a stream wherever it is cut', async () => {
  const events = ['data: one', 'data: two\ndata: more', 'data: three']
  const stream = Buffer.from(events.map((event) => `${event}\n\n`).join(''))
  for (let cut = 0; cut <= stream.length; cut++) {
    const chunks = [stream.subarray(0, cut), stream.subarray(cut)]
    const found = await Array.fromAsync(splitEvents(chunksOf(chunks)))
    expect(found.map((event) => event.toString().trimEnd())).toEqual(events)
  }
  const found = await Array.fromAsync(splitEvents(chunksOf([...stream].map((byte) => Buffer.of(byte)))))
  expect(found.map((event) => event.toString().trimEnd())).toEqual(events)
})

async function* chunksOf(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* chunks
}
