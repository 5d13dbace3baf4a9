import type { Capabilities } from './image-model.ts'
import type { OperationKind } from './image-request.ts'

/** What a model may take beside how many images: each is a member of a request. */
export type SentParameter = Exclude<keyof Capabilities, 'n' | 'autoSize' | 'autoQuality'>

/** What a dialect puts on the wire, by the kind of operation. It serves no other kind. */
export type SentParameters = Partial<Record<OperationKind, ReadonlySet<SentParameter>>>
