import { randomUUID } from 'node:crypto'
import { createReadStream, readFileSync } from 'node:fs'
import { createGate } from '../../src/images/gate.ts'
import { restrictSharp } from '../../src/images/pixels.ts'
import { stageImage } from '../../src/images/staging.ts'

// Stages one file many times at once and prints by how many MB that raised this process's memory at its peak.

const [, , warmUp = '', file = '', count = '1', folder = ''] = process.argv
const staging = {
  folder,
  limits: { maxPixels: 50_000_000, maxEdge: 16_384 },
  gate: createGate({ slots: 2, maxWaiting: 1_000 }),
  newId: randomUUID,
}

const peakMegabytes = () => {
  const [, kilobytes] = /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  return Number(kilobytes) / 1024
}

const stage = async (path: string) => {
  const image = await stageImage(staging, createReadStream(path), { maxBytes: 50_000_000 })
  await image.discard()
}

restrictSharp()
await stage(warmUp)
const before = peakMegabytes()
const started = performance.now()
await Promise.all(Array.from({ length: Number(count) }, () => stage(file)))
const seconds = (performance.now() - started) / 1000
process.stdout.write(JSON.stringify({ raisedMegabytes: Math.round(peakMegabytes() - before), seconds }))
