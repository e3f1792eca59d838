import { Link } from '@tanstack/react-router'
import { Tabs } from '../parts/tabs.tsx'

export function FeedTabs() {
  return (
    <Tabs label="Feeds">
      <Link to="/feeds" activeOptions={{ exact: true }}>
        Feeds
      </Link>
      <Link to="/stages" search={{}} activeOptions={{ exact: true, includeSearch: false }}>
        What stands where
      </Link>
    </Tabs>
  )
}
