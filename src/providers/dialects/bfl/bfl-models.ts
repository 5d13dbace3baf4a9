import { type Capabilities, noCapabilities } from '../../../catalogue/capabilities.ts'
import type { ModelDefinition } from '../../../catalogue/model-definition.ts'
import type { Pricing } from '../../../catalogue/pricing.ts'
import type { ImageRule } from '../../../catalogue/source-rules.ts'

/*
 * FLUX.2 as docs.bfl.ai describes it (generating images, API reference, pricing; read 2026-10). FLUX 3 takes another
 * body (a ratio and a resolution, no seed and no size), and FLUX.1 Fill a mask that is white where to edit.
 */

const mebibyte = 1024 * 1024
const largestMegapixels = 4

const generate: Capabilities = {
  ...noCapabilities,
  // Documented as 32K tokens, which are more characters.
  prompt: { maxLength: 32_000 },
  size: {
    type: 'range',
    multipleOf: 16,
    maxEdge: 8192,
    // No side below 64 is documented: with this ratio the fewest pixels keep to that.
    maxRatio: 16,
    minPixels: 65_536,
    maxPixels: largestMegapixels * 1024 * 1024,
    presets: ['1024x1024', '1536x1024', '1024x1536', '2048x2048'],
  },
  outputFormat: ['JPEG', 'PNG'],
  // The documentation names no bounds; every server takes an int32.
  seed: { min: 0n, max: 2n ** 31n - 1n },
}

/** Plain base64 in the body; 20 MB is what the document of its successor allows. */
const images: ImageRule = {
  minCount: 1,
  maxCount: 8,
  mimeTypes: ['image/png', 'image/jpeg', 'image/webp'],
  maxBytes: 20 * mebibyte,
  square: false,
  alphaUnlessMasked: false,
}

interface Flux {
  description: string
  /** Cents of a dollar: the first megapixel of an image, and each further one that is made or read. */
  cents: readonly [first: number, further: number]
  maxImages?: number
}

function defineFlux(name: string, { description, cents, maxImages = 8 }: Flux): ModelDefinition {
  return {
    name,
    description,
    capabilities: {
      GENERATE: generate,
      EDIT: { ...generate, images: { ...images, maxCount: maxImages } },
    },
    unsupported: { VARIATION: 'FLUX has no variations.' },
    variationsThroughEdits: true,
    pricing: priceByMegapixel(...cents),
  }
}

function priceByMegapixel(first: number, further: number): Pricing {
  const none = { textInput: null, imageInput: null, textOutput: null, imageOutput: null, perImage: [] }
  const micros = (cents: number) => Math.round(cents * 10_000)
  const row = {
    from: '2026-10-01',
    currency: 'USD',
    ...none,
    megapixels: { first: micros(first), further: micros(further), largest: largestMegapixels },
    source: 'docs.bfl.ai/quick_start/pricing, 2026-10',
  }
  return { prices: [row], outputTokens: [], inputImageTokens: null, partialImageTokens: 0 }
}

export const flux2Pro = defineFlux('flux-2-pro', {
  description: 'FLUX.2 [pro]: any size up to 4 megapixels, and edits of up to eight images.',
  cents: [3, 1.5],
})

export const fluxModels: readonly ModelDefinition[] = [
  flux2Pro,
  defineFlux('flux-2-max', { description: 'FLUX.2 [max]: closest to the prompt.', cents: [7, 3] }),
  defineFlux('flux-2-flex', { description: 'FLUX.2 [flex]: for text and fine detail.', cents: [5, 5] }),
  defineFlux('flux-2-klein-9b', {
    description: 'FLUX.2 [klein] 9B: within a second.',
    cents: [1.5, 0.2],
    maxImages: 4,
  }),
  defineFlux('flux-2-klein-4b', {
    description: 'FLUX.2 [klein] 4B: the fastest and cheapest.',
    cents: [1.4, 0.1],
    maxImages: 4,
  }),
]

/** A model that came after this list: it has the rules of [pro], and no price. */
export function describeFlux(name: string): ModelDefinition {
  const { pricing: _, ...rules } = flux2Pro
  return { ...rules, name, description: 'A model of Black Forest Labs.' }
}
