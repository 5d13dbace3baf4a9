import { type Exchange, readJson, sendJson } from './exchange.ts'
import { refusalOfFault } from './faults.ts'
import { breakOff, openEntry, takeFault } from './intake.ts'
import { shortenParameters } from './ledger.ts'
import { parametersOfJson, refuseMissing, refuseUnknown } from './parameters.ts'
import { parseSize } from './size.ts'
import { beforeImage, type Studio } from './studio.ts'
import { refuseInvalid, WireError } from './wire-error.ts'
import { drawArt } from './yandex-art.ts'

const maxBodyBytes = 1024 * 1024
const maxPromptLength = 500

/** Everything else of OpenAI's request is documented as not supported. */
const known = ['prompt', 'model', 'size']

/**
 * AI Studio's narrowed form of OpenAI's generations: `size` is an aspect ratio, and the one image is a JPEG
 * whatever the other fields say.
 */
export async function serveYandexImages(studio: Studio, exchange: Exchange): Promise<void> {
  const entry = openEntry(studio, exchange, 'generation')
  const parameters = parametersOfJson(await readJson(exchange, maxBodyBytes))
  studio.ledger.note(entry, { parameters: shortenParameters(parameters.raw()) })
  const unknown = parameters.names().find((name) => !known.includes(name))
  if (unknown) throw refuseUnknown(unknown)
  const prompt = parameters.text('prompt', { maxLength: maxPromptLength })
  if (!prompt) throw refuseMissing('prompt')
  const model = readModel(parameters.text('model', { maxLength: 256 }))
  const ratio = readRatio(parameters.text('size', { maxLength: 32 }) ?? '1x1')
  const fault = takeFault(studio, exchange, { isPaidRoute: true, prompt })
  studio.ledger.note(entry, { model, fault: fault?.name ?? null, paid: fault?.paid ?? true })
  if (await breakOff(studio, exchange, fault)) return
  const refusal = fault && refusalOfFault(fault, 'gpt')
  if (refusal) throw refusal
  await beforeImage(studio, exchange.signal)
  const bytes = await drawArt(studio, exchange, { prompt, model, seed: '0', ratio })
  const isEmpty = fault?.name === 'empty-data' || fault?.name === 'fewer'
  const data = isEmpty ? [] : [{ b64_json: bytes.toString('base64') }]
  sendJson(exchange, { created: Math.floor(studio.now() / 1000), data })
}

function readModel(model: string | undefined): string {
  if (model === undefined) throw refuseMissing('model')
  const match = /^art:\/\/[^/]+\/([^/]+)(?:\/[^/]+)?$/.exec(model)
  if (match?.[1]) return match[1]
  throw new WireError('model_not_found', 'Failed to get model', { status: 404, param: 'model' })
}

function readRatio(value: string): number {
  const size = parseSize(value)
  if (!size)
    throw refuseInvalid('size', `Invalid size '${value}'. Expected two positive integers separated by x.`)
  return size.width / size.height
}
