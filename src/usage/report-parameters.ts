import { z } from 'zod'
import { operationKinds } from '../catalogue/operation-kind.ts'
import { EaselError } from '../errors.ts'
import { type ReportRequest, usageDimensions } from './report-request.ts'

const moment = z.iso.datetime({ offset: true }).transform((text) => new Date(text))

const shape = z.strictObject({
  from: moment,
  to: moment,
  groupBy: z
    .string()
    .transform((text) => text.split(',').filter(Boolean))
    .pipe(z.array(z.enum(usageDimensions)))
    .default([]),
  userId: z.uuid('This is not an id of a user.').optional(),
  endUser: z.string().optional(),
  provider: z.string().optional(),
  model: z.string().optional(),
  kind: z.enum(operationKinds).optional(),
  timeZone: z.string().optional(),
})

/** Reads a request from the parameters of an address, which are all texts. */
export function parseReportParameters(parameters: Readonly<Record<string, string>>): ReportRequest {
  const result = shape.safeParse(parameters)
  if (!result.success) throw malformed(result.error.issues[0])
  const {
    from,
    to,
    groupBy,
    userId,
    endUser = null,
    provider = null,
    model = null,
    kind = null,
    timeZone = null,
  } = result.data
  const userIds = userId === undefined ? null : [userId]
  return { from, to, groupBy, timeZone, filter: { userIds, endUser, provider, model, kind } }
}

function malformed(issue: z.core.$ZodIssue | undefined): EaselError {
  const [field = 'query'] = issue?.path ?? []
  return new EaselError(
    'BAD_USER_INPUT',
    `${issue?.path.join('.') ?? 'query'}: ${issue?.message ?? 'not valid'}`,
    {
      field: field.toString(),
      hint: 'from and to are RFC 3339 times; groupBy is a list with commas',
      allowed: { groupBy: usageDimensions },
    },
  )
}
