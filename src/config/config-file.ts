import { z } from 'zod'
import { isTimeZone } from '../calendar.ts'
import { moneyEntry } from '../catalogue/exchange-rate.ts'
import { providerEntries } from '../providers/provider-options.ts'
import { defaultBudgets } from './default-budgets.ts'
import { limits } from './limits.ts'

const positive = z.number().int().positive()

const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** How long things are kept after their operation has ended. Usage is kept for ever. */
const retention = z.strictObject({
  partialImagesMs: positive.default(dayMs),
  /** The sources of an operation that failed or was cancelled. */
  failedSourcesMs: positive.default(hourMs),
  /** All images of an operation, also its sources. */
  resultsMs: positive.default(30 * dayMs),
  /**
   * Its prompt, its events, its attempts, and the request id by which a retry finds it: a client may retry as long as
   * it may ask for its operation (AIP-155; Stripe's v2 keys live 30 days).
   */
  operationsMs: positive.min(30 * dayMs).default(90 * dayMs),
  /** Replies that a crash left behind and that no unfinished operation needs. */
  spoolMs: positive.default(hourMs),
  /** Files of requests that a crash left behind. Longer than an operation may take. */
  tempMs: positive.min(hourMs).default(dayMs),
  /** Stored images without a row. Longer than it takes to notice that the wrong backup was restored. */
  quarantineMs: positive.min(7 * dayMs).default(30 * dayMs),
})

const jwt = z.strictObject({
  issuer: z.string().min(1),
  audience: z.string().min(1),
  jwksUrl: z.url({ protocol: /^https?$/ }),
  userClaim: z.string().min(1).default('sub'),
  algorithms: z.array(z.string()).min(1).optional(),
})

/** The documents of known clients, and what others may send. */
const trustedDocuments = z.strictObject({
  /** JSON, from the folder of this file: documents by their hashes, or Apollo's manifest. */
  file: z.string().min(1),
  mode: z.enum(['off', 'log', 'enforce']).default('enforce'),
  /** Whether mutations that cost money are for the documents on the list alone, whatever the mode is. */
  paidMutations: z.enum(['registered', 'any']).default('any'),
})

/** The shape of `easel.yaml`. */
export const configFile = z.strictObject({
  providers: providerEntries.optional(),
  defaults: z
    .strictObject({
      generate: z.string().optional(),
      edit: z.string().optional(),
      variation: z.string().optional(),
      /** What users get that are new from now on. Nobody's budget changes by it. */
      budget: defaultBudgets.optional(),
    })
    .optional(),
  jwt: jwt.optional(),
  /** Where days and months begin, for budgets and for reports that do not ask otherwise. */
  timeZone: z
    .string()
    .refine(isTimeZone, {
      error: ({ input }) => `there is no time zone "${input}": write a name such as Europe/Moscow`,
    })
    .default('UTC'),
  /** Origins of other sites whose pages may call this gateway, e.g. `http://localhost:5173`. */
  allowedOrigins: z.array(z.url({ protocol: /^https?$/ })).optional(),
  /** Addresses and ranges of proxies whose `X-Forwarded-For` is believed, e.g. `10.0.0.0/8`. This machine's always are. */
  trustedProxies: z
    .array(
      z.union(
        [z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()],
        'must be an address, or a range such as 10.0.0.0/8',
      ),
    )
    .default([]),
  /** The currency of reports, and what others are worth in it. */
  money: moneyEntry.prefault({}),
  /** Who reads `/metrics` without the key of an administrator. */
  metrics: z.enum(['admins', 'machine', 'everybody']).default('admins'),
  /** Whether clients may ask for the schema, and get its names in "Did you mean" of an error. */
  introspection: z.boolean().optional(),
  /** Whether `/graphql` shows GraphiQL to a browser. */
  graphiql: z.boolean().optional(),
  trustedDocuments: trustedDocuments.optional(),
  limits: limits.prefault({}),
  retention: retention.prefault({}),
})

export type ConfigFile = z.infer<typeof configFile>
