import type { Size } from './size.ts'

/** Five by seven dots a letter: machines without fonts draw the same mark. */
const glyphs: Record<string, readonly string[]> = {
  S: ['.###.', '#....', '#....', '.###.', '....#', '....#', '###..'],
  A: ['.###.', '#...#', '#...#', '#####', '#...#', '#...#', '#...#'],
  N: ['#...#', '##..#', '#.#.#', '#..##', '#...#', '#...#', '#...#'],
  D: ['####.', '#...#', '#...#', '#...#', '#...#', '#...#', '####.'],
  B: ['####.', '#...#', '#...#', '####.', '#...#', '#...#', '####.'],
  O: ['.###.', '#...#', '#...#', '#...#', '#...#', '#...#', '.###.'],
  X: ['#...#', '#...#', '.#.#.', '..#..', '.#.#.', '#...#', '#...#'],
}

const word = 'SANDBOX'
const columns = word.length * 6 - 1
const dots = [...word].flatMap((letter, at) => dotsOf(letter, at * 6))

function dotsOf(letter: string, left: number): string[] {
  const rows = glyphs[letter] ?? []
  return rows.flatMap((row, y) =>
    [...row].flatMap((dot, x) => (dot === '#' ? `M${left + x} ${y}h1v1h-1z` : [])),
  )
}

/** A small label in the lower right corner. */
export function drawMark({ width, height }: Size): string {
  const dot = Math.ceil(Math.min(width, height) / 500)
  const margin = dot * 6
  const left = width - margin - columns * dot
  const top = height - margin - 7 * dot
  const pill = `<rect x="-4" y="-3" width="${columns + 8}" height="13" rx="3" fill="#000" fill-opacity=".42"/>`
  const letters = `<path d="${dots.join('')}" fill="#fff" fill-opacity=".9"/>`
  return `<g transform="translate(${left} ${top}) scale(${dot})">${pill}${letters}</g>`
}
