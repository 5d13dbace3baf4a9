import type { Prisma } from '../../../src/database/generated/client.ts'
import type { ReservationRequest } from '../../../src/usage/reservation.ts'
import type { Usage } from '../../../src/usage/usage.ts'

type Client = Pick<Prisma.TransactionClient, '$queryRaw'>

/** A reservation alone: it is a part of the statement that accepts an operation. */
export async function reserve(client: Client, usage: Usage, request: ReservationRequest): Promise<void> {
  try {
    await client.$queryRaw`SELECT ${usage.reserving(request)} AS reserved`
  } catch (error) {
    throw await usage.explainRefusal(error, request)
  }
}
