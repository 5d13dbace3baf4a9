import { formatMoney } from '../controls/format.ts'
import type { ModelCatalogueQuery } from '../generated/graphql.ts'

type CatalogueModel = ModelCatalogueQuery['models'][number]
type Price = CatalogueModel['prices'][number]

export function ModelPrices({ model: { prices } }: { model: CatalogueModel }) {
  return (
    <section>
      <h3>Prices</h3>
      {prices.length === 0 && <p className="small muted">No price is known.</p>}
      {prices.map((price) => (
        <div key={price.from}>
          <p className="small muted">
            From {price.from}, after {price.source}
          </p>
          <dl className="pairs">
            {linesOf(price).map(([label, micros]) => (
              <div key={label}>
                <dt>{label}</dt>
                <dd>{formatMoney({ amountMicros: String(micros), currency: price.currency })}</dd>
              </div>
            ))}
          </dl>
        </div>
      ))}
    </section>
  )
}

function linesOf(price: Price): [string, number][] {
  const { textInput, imageInput, textOutput, imageOutput, perImage } = price
  const rates: [string, number | null][] = [
    ['Prompt, per million tokens', textInput],
    ['Input images, per million tokens', imageInput],
    ['Cached prompt, per million tokens', price.cachedTextInput],
    ['Cached input images, per million tokens', price.cachedImageInput],
    ['Text made, per million tokens', textOutput],
    ['Images made, per million tokens', imageOutput],
    ['First megapixel of an image', price.firstMegapixel],
    ['Each further megapixel, input images too', price.furtherMegapixel],
    ...perImage.map(({ size, quality, micros }): [string, number] => [
      ['Per image', size, quality].filter(Boolean).join(', '),
      micros,
    ]),
  ]
  return rates.filter((rate): rate is [string, number] => rate[1] !== null)
}
