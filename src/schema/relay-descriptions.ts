import { z } from 'zod'
import { idInCursor } from './cursor.ts'

const maxPage = 100
const pageSize = z.number().int().min(0).max(maxPage)

/** Pages are cut by id alone, so a cursor of ours holds a UUID; anything else never reaches the database. */
const cursor = z.string().refine((value) => idInCursor(value) !== null, 'This is not a cursor of Easel.')

/** The words, and the limits, of what the Relay plugin adds to the schema. */
export const relayDescriptions = {
  idFieldOptions: { description: 'Unique among everything; opaque.' },
  nodeTypeOptions: { description: 'Something with an id of its own, which `node` finds again.' },
  nodeQueryOptions: {
    description: 'Anything with an id. Null when there is no such thing, or when you may not see it.',
    args: { id: { description: 'Its id.' } },
  },
  pageInfoTypeOptions: { description: 'Where a page stands in its list.' },
  pageInfoFieldOptions: { description: 'Where this page stands in the list.' },
  hasNextPageFieldOptions: { description: 'Whether something follows.' },
  hasPreviousPageFieldOptions: { description: 'Whether something precedes.' },
  startCursorFieldOptions: { description: 'The cursor of the first one here.' },
  endCursorFieldOptions: { description: 'The cursor of the last one here.' },
  cursorFieldOptions: { description: 'Give it as `after` or `before` to go on from here.' },
  edgesFieldOptions: { nullable: false, description: 'This page, in order.' },
  nodeFieldOptions: { nullable: false, description: 'The thing itself.' },
  firstArgOptions: {
    description: 'How many of those after `after`: 0 to 100, 20 when absent.',
    validate: pageSize,
  },
  lastArgOptions: { description: 'How many of those before `before`: 0 to 100.', validate: pageSize },
  afterArgOptions: { description: 'A cursor: what comes behind it.', validate: cursor },
  beforeArgOptions: { description: 'A cursor: what comes ahead of it.', validate: cursor },
} as const
