import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** A process that the benchmark starts, and asks one question at a time over IPC. */
export interface Child<Question, Answer> {
  url: string
  pid: number
  ask(question: Question): Promise<Answer>
  stop(): Promise<void>
}

/** Starts a file of this folder, which says by `answerBench` where it listens. */
export async function startChild<Question extends string | object, Answer>(
  file: string,
  options: object,
): Promise<Child<Question, Answer>> {
  const child = spawn(process.execPath, [join(import.meta.dirname, file), JSON.stringify(options)], {
    // The table alone goes to standard output.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { PATH: process.env.PATH, NODE_ENV: 'production' },
  })
  const { listening } = await hear<{ listening: string }>(child, file)
  return {
    url: listening,
    pid: child.pid as number,
    ask: (question) => {
      const answer = hear<Answer>(child, file)
      child.send(question)
      return answer
    },
    stop: async () => {
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      await exited
    },
  }
}

async function hear<Message>(child: ChildProcess, file: string): Promise<Message> {
  const { promise, resolve, reject } = Promise.withResolvers<Message>()
  const fail = (code: number | null) => reject(new Error(`${file} ended with ${code}`))
  child.once('message', resolve).once('exit', fail)
  return promise.finally(() => child.off('message', resolve).off('exit', fail))
}
