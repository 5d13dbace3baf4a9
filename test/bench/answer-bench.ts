/** The other end of `startChild`: says where this process listens, then answers each question. */
export function answerBench<Question, Answer>(url: string, answer: (question: Question) => Answer): void {
  process.on('message', (question: Question) => void process.send?.(answer(question)))
  // The benchmark has ended, and this process must not outlive it.
  process.on('disconnect', () => process.exit(2))
  process.send?.({ listening: url })
}
