import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components/Tabs'
import { CopyButton } from '../controls/copy-button.tsx'
import { Dialog } from '../controls/dialog.tsx'
import type { Snippets } from './request-snippets.ts'

export function SnippetsPanel({ snippets, onClose }: { snippets: Snippets | null; onClose(): void }) {
  return (
    <Dialog title="This request as code" isOpen={snippets !== null} onClose={onClose}>
      {snippets && (
        <Tabs className="tabs">
          <TabList aria-label="Language" className="tab-list">
            <Tab id="graphql" className="tab">
              GraphQL
            </Tab>
            <Tab id="curl" className="tab">
              curl
            </Tab>
          </TabList>
          <Snippet id="graphql" text={snippets.graphql} />
          <Snippet id="curl" text={snippets.curl} />
        </Tabs>
      )}
    </Dialog>
  )
}

function Snippet({ id, text }: { id: string; text: string }) {
  return (
    <TabPanel id={id} className="snippet">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
      <pre tabIndex={0}>{text}</pre>
      <CopyButton label="Copy" text={text} />
    </TabPanel>
  )
}
