import { Link } from '@tanstack/react-router'
import { Tabs } from '../parts/tabs.tsx'
import { useMe } from '../session/me.ts'

export function AdminTabs() {
  const me = useMe()
  const all = me.roles.includes('admin')
  return (
    <Tabs label="Administration">
      {all && (
        <Link to="/admin" activeOptions={{ exact: true }}>
          Users
        </Link>
      )}
      {all && <Link to="/admin/groups">Groups</Link>}
      <Link to="/admin/grants" search={{}} activeOptions={{ includeSearch: false }}>
        Grants
      </Link>
      <Link to="/admin/feeds" activeOptions={{ exact: true }}>
        Feeds
      </Link>
      {(all || me.roles.includes('auditor')) && <Link to="/admin/storage">Storage</Link>}
    </Tabs>
  )
}
