import { useMutation } from 'urql'
import { FailureNotice } from '../controls/notice.tsx'
import { SureButton } from '../controls/sure-button.tsx'
import { DeleteOperationDocument } from '../generated/graphql.ts'
import { failureOf } from '../graphql/failure.ts'

/** Deletes the images and the prompt of an operation that has ended. */
export function DeleteOperation({ id, onDeleted }: { id: string; onDeleted(): void }) {
  const [{ fetching, error }, remove] = useMutation(DeleteOperationDocument)
  const press = async () => {
    const answer = await remove({ id })
    if (!answer.error) onDeleted()
  }
  return (
    <>
      <SureButton label="Delete images and prompt" isPending={fetching} onPress={press} />
      {error && <FailureNotice failure={failureOf(error)} />}
    </>
  )
}
