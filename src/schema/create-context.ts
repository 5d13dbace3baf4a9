import type { Context, ContextBase } from './context.ts'
import { createLoaders } from './loaders.ts'

type ContextParts = Omit<Context, keyof ContextBase | 'loaders'>

/** Each request has loaders of its own, so no viewer sees what was loaded for another one. */
export function createContextFactory(parts: ContextParts): (base: ContextBase) => Context {
  const { prisma, images, usage } = parts
  return (base) => ({
    ...parts,
    ...base,
    loaders: createLoaders({ prisma, images, usage, viewer: base.viewer }),
  })
}
