import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { startTestGateway } from '../kit/gateway/test-gateway.ts'
import { photoFile } from '../kit/photo.ts'
import { codeOf, unwrap } from './answer.ts'
import {
  type EditData,
  editDocument,
  editVariables,
  type ImagesData,
  imagesDocument,
  photoPath,
  type UsageData,
  usageDocument,
  usagePeriod,
} from './documents.ts'
import { readResults } from './snippets/event-stream.ts'
import { type StoryClient, tellStory } from './story.ts'

const run = promisify(execFile)

function storyClient(easel: string, headers: Record<string, string>): StoryClient {
  const common = ['-sN', ...Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])]
  const jsonArguments = (query: string, variables: object) => {
    const body = JSON.stringify({ query, variables })
    return [...common, '-H', 'content-type: application/json', '-d', body]
  }
  const curl = async <Data>(parameters: string[]): Promise<Data> => {
    const { stdout } = await run('curl', [...parameters, `${easel}/graphql`])
    return unwrap(JSON.parse(stdout))
  }

  return {
    async edit(input, photo) {
      const path = join(tmpdir(), `easel-curl-${process.pid}.png`)
      await writeFile(path, photo.stream())
      const operations = JSON.stringify({ query: editDocument, variables: editVariables(input, null) })
      const map = JSON.stringify({ photo: [`variables.${photoPath}`] })
      const fields = [`operations=${operations}`, `map=${map}`, `photo=@${path}`]
      const { editImage } = await curl<EditData>([...common, ...fields.flatMap((field) => ['-F', field])])
      await rm(path)
      return editImage
    },
    async *follow(id, after) {
      let last = after
      for (;;) {
        const parameters = jsonArguments(imagesDocument, { id, after: last })
        const child = spawn('curl', [
          ...parameters,
          '-H',
          'accept: text/event-stream',
          `${easel}/graphql/stream`,
        ])
        const closed = once(child, 'close')
        const stdout = Readable.toWeb(child.stdout) as ReadableStream<Uint8Array>
        try {
          for await (const { data } of readResults<{ data: ImagesData }>(stdout)) {
            last = data.partialImages.sequence
            yield data.partialImages
          }
          return
        } catch {
          // 56: the network failed while curl received.
          expect(await closed).toEqual([56, null])
        }
      }
    },
    usage: async () => (await curl<UsageData>(jsonArguments(usageDocument, usagePeriod))).usage,
    codeOf,
  }
}

tellStory({ curl: storyClient })

test('curl reserves a stream, listens, starts an operation on it and ends it', async () => {
  await using gateway = await startTestGateway()
  const { data } = await gateway.upload<EditData>(
    editDocument,
    editVariables({ prompt: 'one stream', quality: 'LOW' }, null),
    { [photoPath]: await photoFile() },
  )
  const snippet = await readFile(join(import.meta.dirname, 'snippets/single-connection.sh'), 'utf8')
  const script = snippet.replaceAll('http://127.0.0.1:4000', gateway.url)
  const start = script.slice(0, script.indexOf('curl -s -X DELETE'))
  const end = `${script.slice(start.length).trim()} -w 'ended: %{http_code}\\n'\nkill %1\n`
  const env = { ...process.env, OPERATION_ID: data.editImage.id }
  const shell = spawn('bash', ['-e'], { env })
  shell.stdin.write(start)
  let printed = ''
  for await (const chunk of shell.stdout) {
    printed += chunk
    if (printed.includes('event: complete') && !shell.stdin.writableEnded) shell.stdin.end(end)
  }
  expect(printed).toContain('"type":"image_edit.completed"')
  expect(printed).toContain('event: complete\ndata: {"id":"images-1"}')
  expect(printed).toContain('ended: 200')
})
