import { PGlite } from '@electric-sql/pglite'
import { dataDir as prepopulatedFolder } from '@electric-sql/pglite-prepopulatedfs'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { FailpointName } from '../../src/operations/failpoint.ts'
import { checkInvariants, checkLedger } from './invariants.ts'
import { beginLife, type MortalDatabase, never } from './mortal.ts'
import { type Answer, image, type PaidProvider, refuse, reset, startPaidProvider } from './paid-provider.ts'
import { makeFolder, removeFolder } from './scene.ts'
import { openWorkshop, type Workshop } from './workshop.ts'

/*
 * The life of an operation as a model: what it ends as, and how often it is paid for, is a matter of what the provider
 * answers and of the gap in which its process dies. Sequences of requests, retries, cancels and deaths are run against
 * the rooms over one database, and every step is compared with the model.
 */

const answers = {
  image: () => [image()],
  reset: () => [reset],
  refusal: () => [refuse(400)],
  later: () => [refuse(429, { 'retry-after': '0' }), image()],
} satisfies Record<string, () => Answer[]>
type AnswerName = keyof typeof answers

interface End {
  status: 'SUCCEEDED' | 'FAILED' | 'CANCELLED'
  reason: string | null
  paid: number
}

const unknown = (paid: number): End => ({ status: 'FAILED', reason: 'UPSTREAM_OUTCOME_UNKNOWN', paid })

/** What becomes of an operation that nothing happens to. */
const undisturbed: Record<AnswerName, End> = {
  image: { status: 'SUCCEEDED', reason: null, paid: 1 },
  reset: unknown(1),
  refusal: { status: 'FAILED', reason: 'UPSTREAM_INVALID_REQUEST', paid: 0 },
  later: { status: 'SUCCEEDED', reason: null, paid: 1 },
}

/** And when its process dies in the gap, the first time that it gets there. */
function endAfterDeath(answer: AnswerName, gap: FailpointName): End {
  if (gap === 'sent') return unknown(0)
  if (gap === 'replying' || gap === 'stored') {
    // The first answer decides: an image was paid for, a refusal was not, and nobody can know which it was.
    if (answer === 'image') return unknown(1)
    if (answer === 'refusal' && gap === 'replying') return unknown(0)
    if (answer === 'later') return unknown(gap === 'stored' ? 1 : 0)
  }
  return undisturbed[answer]
}

const gaps = [
  'accepting',
  'accepted',
  'claimed',
  'prepared',
  'sent',
  'replying',
  'stored',
  'spooled',
  'responded',
  'finishing',
  'finished',
] as const satisfies FailpointName[]

interface Model {
  /** By request: what it must have ended as. */
  ends: Map<number, End>
}

/** The real thing, over as many lives as it takes. */
class Reality {
  readonly ids = new Map<number, string>()
  #armed: FailpointName | null = null
  #reached = Promise.withResolvers<void>()
  #database: MortalDatabase | null = null
  workshop: Workshop | null = null
  readonly output: string[] = []
  readonly run: number

  constructor(run: number) {
    this.run = run
  }

  async begin(): Promise<Workshop> {
    this.#database = await beginLife(pglite)
    this.workshop = await openWorkshop({
      database: this.#database,
      providerUrl: provider.url,
      folder,
      leaseMs: 300,
      failpoint: (name) => (name === this.#armed ? this.#die() : undefined),
    })
    return this.workshop
  }

  async living(): Promise<Workshop> {
    return this.workshop ?? this.begin()
  }

  #die(): Promise<never> {
    this.#armed = null
    this.workshop = null
    void this.#database?.kill().then(() => this.#reached.resolve())
    return never()
  }

  prompt(request: number): string {
    return `run ${this.run} request ${request}`
  }

  async submit(request: number): Promise<string> {
    const { submit } = await this.living()
    const { id } = await submit(this.prompt(request), { requestId: this.prompt(request) })
    this.ids.set(request, id)
    return id
  }

  /** Dies in the gap if it is reached, and then tries again in the next life, as a client would. */
  async submitAndDie(request: number, gap: FailpointName): Promise<void> {
    this.#armed = gap
    this.#reached = Promise.withResolvers()
    const first = await this.living()
    const done = this.submit(request).then((id) => first.operations.wait(id))
    // After the end there is only the gap behind it.
    await Promise.race([this.#reached.promise, gap === 'finished' ? done.then(() => this.#settle()) : done])
    this.#armed = null
    if (!this.workshop) await this.#reached.promise
    await this.submit(request)
  }

  /** The last gap lies behind the end that a waiter sees: it is reached, unless the operation had ended before. */
  async #settle(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }

  async end(request: number): Promise<End> {
    const { operations, read } = await this.living()
    const id = this.ids.get(request) as string
    await operations.wait(id)
    const { status, error } = await read(id)
    const reason = (error as { reason: string } | null)?.reason ?? null
    return { status: status as End['status'], reason, paid: provider.paidFor(this.prompt(request)) }
  }

  async close(): Promise<void> {
    await this.workshop?.close()
  }
}

type Step = fc.AsyncCommand<Model, Reality>

class Submit implements Step {
  readonly request: number
  readonly answer: AnswerName
  readonly gap: FailpointName | null

  constructor(request: number, answer: AnswerName, gap: FailpointName | null) {
    this.request = request
    this.answer = answer
    this.gap = gap
  }

  check = () => true

  async run(model: Model, reality: Reality): Promise<void> {
    const { request, answer, gap } = this
    const before = model.ends.get(request)
    if (!before) provider.answer(reality.prompt(request), ...answers[answer]())
    const expected = before ?? (gap ? endAfterDeath(answer, gap) : undisturbed[answer])
    if (gap) await reality.submitAndDie(request, gap)
    else await reality.submit(request)
    expect(await reality.end(request), this.toString()).toEqual(expected)
    model.ends.set(request, expected)
    await checkLedger((await reality.living()).prisma)
  }

  toString = () => `submit ${this.request} (${this.answer}${this.gap ? `, dies ${this.gap}` : ''})`
}

/** Of an operation that has ended: it stays what it is. */
class Cancel implements Step {
  readonly request: number

  constructor(request: number) {
    this.request = request
  }

  check = (model: Readonly<Model>) => model.ends.has(this.request)

  async run(model: Model, reality: Reality): Promise<void> {
    const { operations } = await reality.living()
    await operations.cancel(reality.ids.get(this.request) as string)
    expect(await reality.end(this.request)).toEqual(model.ends.get(this.request))
  }

  toString = () => `cancel ${this.request}`
}

let pglite: PGlite
let provider: PaidProvider
let folder: string
let runs = 0

beforeAll(async () => {
  pglite = await PGlite.create({ loadDataDir: await prepopulatedFolder() })
  provider = await startPaidProvider()
  folder = await makeFolder()
})
afterAll(async () => {
  await pglite.close()
  await provider.close()
  await removeFolder(folder)
})

const request = fc.integer({ min: 0, max: 3 })
const answer = fc.constantFrom(...(Object.keys(answers) as AnswerName[]))
const steps = [
  fc.tuple(request, answer).map(([which, what]) => new Submit(which, what, null)),
  fc
    .tuple(request, answer, fc.constantFrom(...gaps))
    .map(([which, what, gap]) => new Submit(which, what, gap)),
  request.map((which) => new Cancel(which)),
]

test('an operation ends as the model of its life says, whatever it is asked and wherever its process dies', {
  timeout: 240_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.commands(steps, { maxCommands: 8 }), async (commands) => {
      const reality = new Reality(runs++)
      try {
        await fc.asyncModelRun(() => ({ model: { ends: new Map<number, End>() }, real: reality }), commands)
      } finally {
        await reality.close()
      }
    }),
    {
      numRuns: Number(process.env.MODEL_RUNS ?? 12),
      seed: Number(process.env.MODEL_SEED ?? 7),
      endOnFailure: true,
    },
  )
  const life = await beginLife(pglite)
  await checkInvariants({ prisma: life.prisma, provider, folders: [], output: [] })
})
