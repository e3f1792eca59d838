import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Tabs } from '../parts/tabs.tsx'
import { recallsQuery } from '../recall/queries.ts'

export function FeedTabs() {
  const recalls = useQuery(recallsQuery)
  const standing = recalls.data?.filter(({ lifted }) => lifted === null).length ?? 0
  return (
    <Tabs label="Feeds">
      <Link to="/feeds" activeOptions={{ exact: true }}>
        Feeds
      </Link>
      <Link to="/stages" search={{}} activeOptions={{ exact: true, includeSearch: false }}>
        What stands where
      </Link>
      <Link to="/recalls" search={{}} activeOptions={{ exact: true, includeSearch: false }}>
        Recalls
        {standing > 0 && <span className="tally">{standing}</span>}
      </Link>
      <Link to="/running" activeOptions={{ exact: true }}>
        Where it runs
      </Link>
    </Tabs>
  )
}
