import type { Exchange } from './exchange.ts'
import type { Fault } from './faults.ts'
import type { ImageWork } from './image-job.ts'
import type { ImageRequest } from './image-request.ts'
import type { Size } from './size.ts'
import type { Studio } from './studio.ts'
import type { Usage } from './usage.ts'

/** A request that was taken, and what is needed to answer it. */
export interface Order {
  studio: Studio
  exchange: Exchange
  request: ImageRequest
  size: Size
  /** How many images come out; fewer than asked under the fault of that name. */
  images: number
  usage: Usage | null
  fault: Fault | undefined
  work: ImageWork
}
