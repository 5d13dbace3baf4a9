import type { Prisma } from '../../../src/database/generated/client.ts'
import type { ReservationRequest } from '../../../src/usage/reservation.ts'
import type { Usage } from '../../../src/usage/usage.ts'

type Client = Pick<Prisma.TransactionClient, '$queryRaw'>

/** Without the costs of each model there is one model, with the cost of the operation. */
export type SomeReservation = Omit<ReservationRequest, 'costs'> & Partial<Pick<ReservationRequest, 'costs'>>

export function fillReservation(request: SomeReservation): ReservationRequest {
  const { costMicros: micros, currency = 'USD' } = request
  return { costs: [{ model: 'sandbox/gpt-image-1', most: { micros, currency } }], ...request }
}

/** A reservation alone: it is a part of the statement that accepts an operation. */
export async function reserve(client: Client, usage: Usage, some: SomeReservation): Promise<void> {
  const request = fillReservation(some)
  try {
    await client.$queryRaw`SELECT ${usage.reserving(request)} AS reserved`
  } catch (error) {
    throw await usage.explainRefusal(error, request)
  }
}
