import { EaselError } from '../errors.ts'
import type { ReportRequest } from './report-request.ts'

/** Who asks for a report. This room does not know the accounts. */
export interface ReportViewer {
  readonly userId: string
  readonly role: 'ADMIN' | 'MEMBER'
}

/**
 * Limits a request to what the viewer may see: an admin sees all users, a member only itself. A member that asks for
 * another user is refused, whether or not that user exists; `field` is the input at fault.
 */
export function limitToVisible(request: ReportRequest, viewer: ReportViewer, field: string): ReportRequest {
  if (viewer.role === 'ADMIN') return request
  const { userIds } = request.filter ?? {}
  if (userIds?.some((id) => id !== viewer.userId)) {
    throw new EaselError('FORBIDDEN', 'You may see your own usage only.', { field })
  }
  return { ...request, filter: { ...request.filter, userIds: userIds ?? [viewer.userId] } }
}
