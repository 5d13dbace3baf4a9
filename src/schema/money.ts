import { builder } from './builder.ts'

export interface MoneyShape {
  amountMicros: bigint | number
  currency: string
}

export const Money = builder.objectRef<MoneyShape>('Money').implement({
  description: 'An amount of money in whole micro-units, so that nothing is lost to rounding.',
  fields: (t) => ({
    amountMicros: t.expose('amountMicros', {
      type: 'BigInt',
      description: 'Millionths of the currency: 1,000,000 is 1.00.',
    }),
    currency: t.exposeString('currency', { description: 'The ISO 4217 code, e.g. `USD`.' }),
  }),
})
