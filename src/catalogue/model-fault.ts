/** A fault of the configuration, and its place within a model. */
export interface ModelFault {
  path: (string | number)[]
  message: string
}
