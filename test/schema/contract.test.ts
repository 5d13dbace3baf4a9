import { readFileSync } from 'node:fs'
import { isEnumType, isInputObjectType, isInterfaceType, isObjectType } from 'graphql'
import { expect, test } from 'vitest'
import { schema } from '../../src/schema/index.ts'
import { printedSchema } from '../../src/schema/print-schema.ts'

test('schema.graphql is the schema: run `npm run schema` after a change', () => {
  const file = new URL('../../schema.graphql', import.meta.url)
  expect(readFileSync(file, 'utf8')).toBe(printedSchema)
})

test('everything in the schema has a description', () => {
  const bare: string[] = []
  const check = (path: string, { description }: { description?: string | null | undefined }) => {
    if (!description?.trim()) bare.push(path)
  }
  for (const type of Object.values(schema.getTypeMap())) {
    if (type.name.startsWith('__')) continue
    check(type.name, type)
    if (isEnumType(type)) for (const value of type.getValues()) check(`${type.name}.${value.name}`, value)
    if (isObjectType(type) || isInterfaceType(type) || isInputObjectType(type)) {
      for (const field of Object.values(type.getFields())) {
        check(`${type.name}.${field.name}`, field)
        for (const arg of 'args' in field ? field.args : [])
          check(`${type.name}.${field.name}(${arg.name}:)`, arg)
      }
    }
  }
  expect(bare).toEqual([])
})
