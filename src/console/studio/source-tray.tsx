import { useEffect, useRef, useState } from 'react'
import { DropZone } from 'react-aria-components/DropZone'
import { FileTrigger } from 'react-aria-components/FileTrigger'
import { Text } from 'react-aria-components/Text'
import { Button, IconButton } from '../controls/button.tsx'
import { formatBytes } from '../controls/format.ts'
import { onThisOrigin } from '../controls/picture.tsx'
import type { FormParameterFragment } from '../generated/graphql.ts'
import type { ModelOperation } from './model-choice.ts'
import { readSourceImage, type SourceImage } from './source-image.ts'

interface SourceTrayProps {
  parameter: FormParameterFragment
  operation: ModelOperation
  sources: SourceImage[]
  onChange(sources: SourceImage[]): void
  error: string | null
}

/** The images to work on: dropped, pasted or chosen, as many as the model takes. */
export function SourceTray({ parameter, operation, sources, onChange, error }: SourceTrayProps) {
  const maxCount = parameter.type === 'IMAGE' ? 1 : Number(parameter.max ?? 1)
  const [note, setNote] = useState<string | null>(null)
  const add = async (files: File[]) => {
    const images = files.filter(({ type }) => type === '' || type.startsWith('image/'))
    const added = await Promise.all(images.map(readSourceImage))
    const all = maxCount === 1 ? added.slice(0, 1) : [...sources, ...added]
    setNote(noteOf({ left: all.length - maxCount, foreign: files.length - images.length, maxCount }))
    if (added.length > 0) onChange(all.slice(0, maxCount))
  }
  usePastedFiles(add)
  return (
    <div className="field sources">
      <span className="field-label">{maxCount === 1 ? 'Image' : `Images, up to ${maxCount}`}</span>
      {sources.length > 0 && <SourceList sources={sources} onChange={onChange} />}
      {sources.length < maxCount && (
        <DropZone
          className="drop-zone"
          onDrop={async ({ items }) => {
            const files = items.filter((item) => item.kind === 'file')
            add(await Promise.all(files.map((item) => item.getFile())))
          }}
        >
          <Text slot="label">Drop or paste {maxCount === 1 ? 'an image' : 'images'}</Text>
          <FileTrigger
            acceptedFileTypes={parameter.values}
            allowsMultiple={maxCount > 1}
            onSelect={(files) => add([...(files ?? [])])}
          >
            <Button icon="upload">Choose</Button>
          </FileTrigger>
          <span className="muted small">{rulesOf(parameter, operation)}</span>
        </DropZone>
      )}
      {(error || note) && (
        <p className="field-error" role="alert">
          {error ?? note}
        </p>
      )}
    </div>
  )
}

/** A pasted picture is added wherever the focus is. Texts are pasted as usual. */
function usePastedFiles(add: (files: File[]) => void): void {
  const latest = useRef(add)
  useEffect(() => {
    latest.current = add
  })
  useEffect(() => {
    const paste = (event: ClipboardEvent) => {
      const files = [...(event.clipboardData?.files ?? [])]
      // The drop zone handles a paste into itself.
      if (files.length === 0 || event.defaultPrevented) return
      event.preventDefault()
      latest.current(files)
    }
    addEventListener('paste', paste)
    return () => removeEventListener('paste', paste)
  }, [])
}

function SourceList({ sources, onChange }: Pick<SourceTrayProps, 'sources' | 'onChange'>) {
  return (
    <ul className="source-list">
      {sources.map((source, at) => (
        <li key={source.id}>
          <img
            src={source.blob ? source.url : onThisOrigin(source.url)}
            alt={`Source ${at + 1}: ${source.name}`}
          />
          <span className="source-facts">
            <span className="source-name">{source.name}</span>
            <span className="muted small">{factsOf(source)}</span>
          </span>
          {at > 0 && (
            <Button variant="quiet" onPress={() => onChange([source, ...sources.toSpliced(at, 1)])}>
              To front
            </Button>
          )}
          <IconButton
            label={`Remove source ${at + 1}`}
            icon="close"
            onPress={() => onChange(sources.filter(({ id }) => id !== source.id))}
          />
        </li>
      ))}
    </ul>
  )
}

function factsOf({ width, height, blob }: SourceImage): string {
  const size = width > 0 ? `${width} × ${height}` : 'unknown size'
  return blob ? `${size}, ${formatBytes(blob.size)}` : `${size}, no upload needed`
}

function rulesOf({ values }: FormParameterFragment, { maxImageBytes, squareImages }: ModelOperation): string {
  const formats = values.map((value) => value.replace('image/', '').toUpperCase()).join(', ')
  const limit = maxImageBytes ? ` under ${formatBytes(maxImageBytes)}` : ''
  return `${squareImages ? 'Square ' : ''}${formats}${limit}`
}

function noteOf({
  left,
  foreign,
  maxCount,
}: {
  left: number
  foreign: number
  maxCount: number
}): string | null {
  if (foreign > 0) return 'Only images can be used here.'
  return left > 0 ? `This model takes ${maxCount} at most: ${left} left out.` : null
}
