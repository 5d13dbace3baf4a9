import { z } from 'zod'
import { idInCursor } from './cursor.ts'

const maxPage = 100
const pageSize = z.number().int().min(0).max(maxPage)

/** Pages are cut by id alone, so a cursor of ours holds a UUID; anything else never reaches the database. */
const cursor = z.string().refine((value) => idInCursor(value) !== null, 'This is not a cursor of Easel.')

/** Descriptions and limits of the fields that the Relay plugin adds to the schema. */
export const relayDescriptions = {
  idFieldOptions: { description: 'Unique among everything; opaque.' },
  nodeTypeOptions: { description: 'An object with an id, which `node` finds by it.' },
  nodeQueryOptions: {
    description: 'An object by its id. Null when there is no such object, or when you may not see it.',
    args: { id: { description: 'Its id.' } },
  },
  pageInfoTypeOptions: { description: 'The position of a page in its list.' },
  pageInfoFieldOptions: { description: 'The position of this page in the list.' },
  hasNextPageFieldOptions: { description: 'Whether the list goes on after this page.' },
  hasPreviousPageFieldOptions: { description: 'Whether the list has items before this page.' },
  startCursorFieldOptions: { description: 'The cursor of the first item of this page.' },
  endCursorFieldOptions: { description: 'The cursor of the last item of this page.' },
  cursorFieldOptions: { description: 'Give it as `after` or `before` to go on from here.' },
  edgesFieldOptions: { nullable: false, description: 'This page, in order.' },
  nodeFieldOptions: { nullable: false, description: 'The item.' },
  firstArgOptions: {
    description: 'How many items after `after`: 0 to 100, 20 when absent.',
    validate: pageSize,
  },
  lastArgOptions: { description: 'How many items before `before`: 0 to 100.', validate: pageSize },
  afterArgOptions: { description: 'A cursor: the page begins after it.', validate: cursor },
  beforeArgOptions: { description: 'A cursor: the page ends before it.', validate: cursor },
} as const
