import { describe, expect, test } from 'vitest'
import { databaseFailure, toUnavailable } from '../../src/database/database-failure.ts'
import { inTransaction } from '../../src/database/transaction.ts'
import { EaselError } from '../../src/errors.ts'

const refused = () =>
  Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:9000'), {
    code: 'ECONNREFUSED',
    syscall: 'connect',
    errno: -111,
  })
const named = (name: string, error: Error) => Object.assign(error, { name })
const prismaError = (cause: unknown) =>
  named('PrismaClientUnknownRequestError', new Error('Invalid invocation', { cause }))

describe('the failure of a statement', () => {
  test.each([
    ['a connection that a storage or a provider refused', refused()],
    ['the same, wrapped', new Error('E_CANNOT_WRITE_FILE', { cause: refused() })],
    ['what has another reason', new EaselError('UNAVAILABLE', '', { reason: 'STORAGE_UNAVAILABLE' })],
    [
      'what has another reason, whatever caused it',
      new EaselError('UNAVAILABLE', '', { reason: 'STORAGE_UNAVAILABLE' }, { cause: prismaError(refused()) }),
    ],
    ['a refusal without a reason', new EaselError('UNAVAILABLE', 'This server is shutting down')],
  ])('is not the database for %s', (_, error) => {
    expect(databaseFailure(error)).toBeNull()
    expect(toUnavailable(error)).toBe(error)
  })

  test.each([
    ['a refused connection of Prisma', prismaError(refused())],
    ['what the driver says of itself', named('DriverAdapterError', new Error('', { cause: refused() }))],
    ['a server that goes away', Object.assign(new Error('terminating connection'), { code: '57P01' })],
    ['words of the driver within Prisma', prismaError(new Error('Connection terminated unexpectedly'))],
  ])('is the database for %s', (_, error) => {
    expect(databaseFailure(error)).toBe('UNAVAILABLE')
    expect(toUnavailable(error)).toMatchObject({ details: { reason: 'DATABASE_UNAVAILABLE' } })
  })

  test('keeps its meaning after it was told to a caller, however often', () => {
    const told = toUnavailable(refused(), { fromClient: true })
    expect(told).toMatchObject({ code: 'UNAVAILABLE', details: { reason: 'DATABASE_UNAVAILABLE' } })
    expect(databaseFailure(told)).toBe('UNAVAILABLE')
    expect(toUnavailable(told)).toBe(told)
    const conflict = toUnavailable(Object.assign(new Error('deadlock'), { code: '40P01' }))
    expect(databaseFailure(conflict)).toBe('CONFLICT')
  })
})

describe('a transaction', () => {
  type Client = Parameters<typeof inTransaction>[0]
  const client = ($transaction: (work: (tx: object) => Promise<unknown>) => Promise<unknown>) =>
    ({ $transaction }) as unknown as Client

  test('that cannot begin says that the database is away', async () => {
    const away = client(() => Promise.reject(refused()))
    await expect(inTransaction(away, async () => {})).rejects.toMatchObject({
      details: { reason: 'DATABASE_UNAVAILABLE' },
    })
  })

  test('passes on what its work threw, as it is', async () => {
    const error = refused()
    const present = client((work) => work({}))
    await expect(inTransaction(present, () => Promise.reject(error))).rejects.toBe(error)
  })
})
