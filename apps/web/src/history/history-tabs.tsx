import { Link } from '@tanstack/react-router'
import { Tabs } from '../parts/tabs.tsx'

export function HistoryTabs() {
  return (
    <Tabs label="History">
      <Link to="/history" search={{}} activeOptions={{ exact: true, includeSearch: false }}>
        Promotions
      </Link>
      <Link to="/history/tags" search={{}} activeOptions={{ includeSearch: false }}>
        Tag moves
      </Link>
      <Link to="/history/charts" search={{}} activeOptions={{ includeSearch: false }}>
        Charts
      </Link>
    </Tabs>
  )
}
