import { isInputObjectType, isObjectType } from 'graphql'
import { expect, test } from 'vitest'
import { parameterList } from '../../src/catalogue/parameters.ts'
import { schema } from '../../src/schema/index.ts'

/** What the input of a mutation has beside parameters: how it is repeated safely. */
const beside = ['requestId']

function fieldsOf(name: string): string[] {
  const type = schema.getType(name)
  if (!isInputObjectType(type) && !isObjectType(type)) throw new Error(`There is no type ${name}`)
  return Object.keys(type.getFields()).sort()
}

test.each([
  ['GenerateImageInput', 'GENERATE'],
  ['EditImageInput', 'EDIT'],
  ['CreateVariationInput', 'VARIATION'],
] as const)('%s has the parameters of its kind, and no field that is none', (name, kind) => {
  const known = parameterList.filter(({ kinds }) => kinds.includes(kind)).map((parameter) => parameter.name)
  expect(fieldsOf(name)).toEqual([...known, ...beside].sort())
})

test('an estimate asks for parameters only, for the kind and for the sizes of the images', () => {
  const known = parameterList.map(({ name }): string => name)
  const unknown = fieldsOf('CostEstimateInput').filter((name) => !known.includes(name))
  expect(unknown).toEqual(['inputImages', 'kind'])
})

test('an operation shows every parameter of its input', () => {
  const values = parameterList.filter(({ value }) => value).map(({ name }) => name)
  expect(fieldsOf('OperationInput')).toEqual([...values, ...beside, 'images', 'mask'].sort())
})
