/** An operation that a document brought about, whatever becomes of the rest of the document. */
export interface AcceptedOperation {
  /** Where the answer has it, or would have it: the name of the field, or its alias. */
  path: (string | number)[]
  operationId: string
}
