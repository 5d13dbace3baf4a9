import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PgliteServer } from '../../src/database/pglite-server.ts'
import type { FailpointName } from '../../src/operations/failpoint.ts'
import { checkInvariants, checkLedger } from '../kit/checks/invariants.ts'
import { createTestPglite } from '../kit/database/test-database.ts'
import { openWorkshop, type Workshop } from '../kit/rooms/workshop.ts'
import { makeFolder, removeFolder } from '../kit/temporary-folder.ts'
import { until } from '../kit/until.ts'
import { type ScriptedUpstream, startScriptedUpstream } from '../kit/upstream/scripted-upstream.ts'
import { beginLife, type MortalDatabase, never } from './mortal.ts'
import {
  type AnswerName,
  answers,
  type CancelGap,
  cancelGaps,
  type End,
  endAfterCancel,
  endAfterDeath,
  gaps,
  undisturbed,
} from './operation-model.ts'

/*
 * The life of an operation as a model: what it ends as, and how often it is paid for, is a matter of what the provider
 * answers and of the gap in which its process dies. Sequences of requests, retries, cancels and deaths are run against
 * the rooms over one database, and every step is compared with the model.
 */

interface Model {
  /** By request: what it must have ended as. */
  ends: Map<number, End>
}

/** The real thing, over as many lives as it takes. */
class Reality {
  readonly ids = new Map<number, string>()
  #armed: FailpointName | null = null
  #held: { gap: FailpointName; reached: () => void; goOn: Promise<void> } | null = null
  #reached = Promise.withResolvers<void>()
  #database: MortalDatabase | null = null
  workshop: Workshop | null = null
  readonly outputs: string[][] = []
  readonly run: number

  constructor(run: number) {
    this.run = run
  }

  async begin(): Promise<Workshop> {
    // The time that the leases of a dead life still have is not waited for.
    this.#database = await beginLife(server)
    await this.#database.prisma
      .$executeRaw`UPDATE operation SET lease_until = now() WHERE lease_owner IS NOT NULL`
    this.workshop = await openWorkshop({
      database: this.#database,
      providerUrl: provider.url,
      folder,
      limits: { leaseMs: 1_000 },
      failpoint: (name) => (name === this.#armed ? this.#die() : this.#hold(name)),
    })
    this.outputs.push(this.workshop.output)
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

  async #hold(name: FailpointName): Promise<void> {
    if (name !== this.#held?.gap) return
    const { reached, goOn } = this.#held
    this.#held = null
    reached()
    await goOn
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

  /** Holds it in the gap if it is reached, and cancels it there, twice at once. */
  async submitAndCancel(request: number, gap: CancelGap): Promise<void> {
    const { operations } = await this.living()
    const reached = Promise.withResolvers<void>()
    const goOn = Promise.withResolvers<void>()
    this.#held = { gap, reached: reached.resolve, goOn: goOn.promise }
    const id = await this.submit(request)
    await Promise.race([reached.promise, operations.wait(id)])
    this.#held = null
    await Promise.all([operations.cancel(id), operations.cancel(id)])
    goOn.resolve()
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
    if (!this.workshop) return
    await this.workshop.close()
    await this.#database?.close()
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

/** Of an operation that is on its way. */
class SubmitAndCancel implements Step {
  readonly request: number
  readonly answer: AnswerName
  readonly gap: CancelGap

  constructor(request: number, answer: AnswerName, gap: CancelGap) {
    this.request = request
    this.answer = answer
    this.gap = gap
  }

  check = () => true

  async run(model: Model, reality: Reality): Promise<void> {
    const { request, answer, gap } = this
    const before = model.ends.get(request)
    if (!before) provider.answer(reality.prompt(request), ...answers[answer]())
    const expected = before ?? endAfterCancel(answer, gap)
    await reality.submitAndCancel(request, gap)
    expect(await reality.end(request), this.toString()).toEqual(expected)
    model.ends.set(request, expected)
    await checkLedger((await reality.living()).prisma)
  }

  toString = () => `submit ${this.request} (${this.answer}), cancel at ${this.gap}`
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

let server: PgliteServer
let provider: ScriptedUpstream
let folder: string
let runs = 0
/** What every life logged. */
const outputs: string[][] = []

beforeAll(async () => {
  server = new PgliteServer(await createTestPglite())
  provider = await startScriptedUpstream()
  folder = await makeFolder()
})
afterAll(async () => {
  await server.close()
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
  fc
    .tuple(request, answer, fc.constantFrom(...cancelGaps))
    .map(([which, what, gap]) => new SubmitAndCancel(which, what, gap)),
  request.map((which) => new Cancel(which)),
]

test('an operation ends as the model of its life says, whatever it is asked and wherever its process dies', async () => {
  await fc.assert(
    fc.asyncProperty(fc.commands(steps, { maxCommands: 8 }), async (commands) => {
      const reality = new Reality(runs++)
      try {
        await fc.asyncModelRun(() => ({ model: { ends: new Map<number, End>() }, real: reality }), commands)
      } finally {
        await reality.close()
        outputs.push(...reality.outputs)
      }
    }),
    {
      numRuns: Number(process.env.MODEL_RUNS ?? 12),
      seed: Number(process.env.MODEL_SEED ?? 7),
      endOnFailure: true,
    },
  )
  // What the killed ones left on the disk goes with the next start.
  const database = await beginLife(server)
  const last = await openWorkshop({ database, providerUrl: provider.url, folder, retention: { tempMs: 0 } })
  await until(() => last.output.some((line) => line.includes('removed files that nobody needs')))
  outputs.push(last.output)
  await checkInvariants({ prisma: last.prisma, provider, folders: [folder], output: outputs.flat() })
  await last.close()
  await database.close()
})
