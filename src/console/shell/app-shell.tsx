import { lazy, type ReactNode, Suspense } from 'react'
import { I18nProvider } from 'react-aria-components/I18nProvider'
import { Button } from '../controls/button.tsx'
import { Icon, type IconName } from '../controls/icon.tsx'
import { useConnection } from '../graphql/gateway-context.ts'
import { hrefOf, type Location, useLocation } from '../routing/location.ts'
import { useViewer, type Viewer } from '../session/viewer-context.ts'
import { StudioPage } from '../studio/studio-page.tsx'
import { ThemeToggle } from './theme-toggle.tsx'
import { Wordmark } from './wordmark.tsx'

const OperationsPage = lazy(async () => ({
  default: (await import('../operations/operations-page.tsx')).OperationsPage,
}))
const OperationPage = lazy(async () => ({
  default: (await import('../operations/operation-page.tsx')).OperationPage,
}))
const UsagePage = lazy(async () => ({ default: (await import('../usage/usage-page.tsx')).UsagePage }))
const AdminPage = lazy(async () => ({ default: (await import('../admin/admin-page.tsx')).AdminPage }))

interface Page {
  name: string
  label: string
  icon: IconName
  adminOnly?: boolean
}

const pages: Page[] = [
  { name: 'studio', label: 'Studio', icon: 'brush' },
  { name: 'operations', label: 'Operations', icon: 'list' },
  { name: 'usage', label: 'Usage', icon: 'chart' },
  { name: 'admin', label: 'Admin', icon: 'people', adminOnly: true },
]

export function AppShell() {
  const viewer = useViewer()
  const location = useLocation()
  const current = location.path[0] ?? 'studio'
  return (
    <I18nProvider locale="en">
      <div className="shell">
        <button type="button" className="skip-link" onClick={focusMain}>
          Skip to the content
        </button>
        <header className="side">
          <Wordmark />
          <Navigation current={current} viewer={viewer} />
          <SideFoot viewer={viewer} />
        </header>
        <main id="main" tabIndex={-1}>
          <Suspense fallback={<p className="muted">Loading…</p>}>{pageOf(location, viewer)}</Suspense>
        </main>
      </div>
    </I18nProvider>
  )
}

/** Moves the focus by code, since a link would change the part after `#`, which names the page. */
function focusMain(): void {
  document.getElementById('main')?.focus()
}

function Navigation({ current, viewer }: { current: string; viewer: Viewer }) {
  const shown = pages.filter(({ adminOnly }) => !adminOnly || viewer.role === 'ADMIN')
  return (
    <nav aria-label="Pages">
      {shown.map(({ name, label, icon }) => (
        <a key={name} href={hrefOf([name])} aria-current={current === name ? 'page' : undefined}>
          <Icon name={icon} />
          {label}
        </a>
      ))}
    </nav>
  )
}

function SideFoot({ viewer }: { viewer: Viewer }) {
  const { session } = useConnection()
  return (
    <div className="side-foot">
      <ThemeToggle />
      <p className="who">
        <span>{viewer.name}</span>
        <span className="muted">{viewer.role === 'ADMIN' ? 'Admin' : 'Member'}</span>
      </p>
      {session.key() && (
        <Button variant="quiet" onPress={session.signOut}>
          Sign out
        </Button>
      )}
    </div>
  )
}

function pageOf({ path, params }: Location, viewer: Viewer): ReactNode {
  const [page = 'studio', id] = path
  if (page === 'studio') return <StudioPage params={params} />
  if (page === 'operations')
    return id ? <OperationPage key={id} id={id} /> : <OperationsPage params={params} />
  if (page === 'usage') return <UsagePage params={params} />
  if (page === 'admin' && viewer.role === 'ADMIN') return <AdminPage params={params} />
  return (
    <div className="page">
      <h1>There is no such page</h1>
      <p>
        <a href={hrefOf(['studio'])}>To the Studio</a>
      </p>
    </div>
  )
}
