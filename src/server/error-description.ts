export interface ErrorDescription {
  name: string
  message: string
  code?: string
  stack?: string
  cause?: ErrorDescription
}

const maxMessageChars = 300
const maxCauses = 4

/**
 * What the log keeps of an unexpected error: the first line of its message and the places it came through. Libraries
 * print arguments into the lines that follow (Prisma prints the whole query), and a prompt may be one of them.
 */
export function describeError(error: unknown, depth = 0): ErrorDescription {
  if (!(error instanceof Error))
    return { name: typeof error, message: 'something that is no Error was thrown' }
  const code = (error as { code?: unknown }).code
  return {
    name: error.name,
    message: firstLine(error.message),
    ...(typeof code === 'string' ? { code } : {}),
    stack: framesOf(error),
    ...(error.cause !== undefined && depth < maxCauses
      ? { cause: describeError(error.cause, depth + 1) }
      : {}),
  }
}

function firstLine(message: string): string {
  return (message.split('\n').find((line) => line.trim() !== '') ?? '').slice(0, maxMessageChars)
}

function framesOf({ stack = '' }: Error): string {
  return stack
    .split('\n')
    .filter((line) => line.startsWith('    at '))
    .slice(0, 20)
    .join('\n')
}
