import { FileTrigger } from 'react-aria-components/FileTrigger'
import { Button, IconButton } from '../controls/button.tsx'
import { readSourceImage, type SourceImage } from './source-image.ts'

interface MaskFieldProps {
  maskFile: SourceImage | null
  isPainted: boolean
  onChange(maskFile: SourceImage | null): void
  error: string | null
}

export function MaskField({ maskFile, isPainted, onChange, error }: MaskFieldProps) {
  return (
    <div className="field">
      <span className="field-label">Mask</span>
      <div className="mask-line">
        <span className="muted small">{describe(maskFile, isPainted)}</span>
        {maskFile ? (
          <IconButton label="Remove the mask file" icon="close" onPress={() => onChange(null)} />
        ) : (
          <FileTrigger
            acceptedFileTypes={['image/png']}
            onSelect={async (files) => {
              const [file] = files ?? []
              if (file) onChange(await readSourceImage(file))
            }}
          >
            <Button variant="quiet">From a file</Button>
          </FileTrigger>
        )}
      </div>
      {error && (
        <p className="field-error" role="alert">
          {error}
        </p>
      )}
    </div>
  )
}

function describe(maskFile: SourceImage | null, isPainted: boolean): string {
  if (maskFile) return `${maskFile.name}, ${maskFile.width} × ${maskFile.height}`
  return isPainted ? 'As painted over the image' : 'Paint over the image where to edit, or leave it whole'
}
