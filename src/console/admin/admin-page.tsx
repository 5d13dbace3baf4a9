import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components/Tabs'
import { hrefOf, replaceLocation } from '../routing/location.ts'
import { AuditLog } from './audit-log.tsx'
import { ModelCatalogue } from './model-catalogue.tsx'
import { UserList } from './user-list.tsx'

export function AdminPage({ params }: { params: URLSearchParams }) {
  return (
    <div className="page">
      <header className="page-head">
        <h1>Admin</h1>
      </header>
      <Tabs
        className="tabs"
        selectedKey={params.get('tab') ?? 'users'}
        onSelectionChange={(key) => replaceLocation(hrefOf(['admin'], { tab: String(key) }))}
      >
        <TabList aria-label="Admin" className="tab-list">
          <Tab id="users" className="tab">
            Users
          </Tab>
          <Tab id="models" className="tab">
            Models
          </Tab>
          <Tab id="audit" className="tab">
            Audit log
          </Tab>
        </TabList>
        <TabPanel id="users">
          <UserList />
        </TabPanel>
        <TabPanel id="models">
          <ModelCatalogue />
        </TabPanel>
        <TabPanel id="audit">
          <AuditLog />
        </TabPanel>
      </Tabs>
    </div>
  )
}
