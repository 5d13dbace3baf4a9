import type { ModelFormFragment, OperationKind } from '../generated/graphql.ts'

export type ModelOperation = ModelFormFragment['operations'][number]

/** A model together with what it does for the chosen kind. */
export interface ChosenModel {
  model: ModelFormFragment
  operation: ModelOperation
}

export function chooseModel(
  models: readonly ModelFormFragment[],
  kind: OperationKind,
  wanted: string | undefined,
): ChosenModel | null {
  const able = modelsFor(models, kind)
  return (
    able.find(({ model }) => model.id === wanted) ??
    able.find(({ model }) => !model.retirement?.retired) ??
    null
  )
}

export function modelsFor(models: readonly ModelFormFragment[], kind: OperationKind): ChosenModel[] {
  return models.flatMap((model) => {
    const operation = model.operations.find((each) => each.kind === kind)
    return operation ? [{ model, operation }] : []
  })
}
