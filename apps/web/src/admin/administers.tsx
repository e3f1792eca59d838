import type { ReactNode } from 'react'
import { PageHead } from '../parts/page.tsx'
import { Forbidden } from '../parts/states.tsx'
import { useMe } from '../session/me.ts'

/** The administration is for those who have a role, or administer a feed. */
export function Administers({ children }: { children: ReactNode }) {
  const me = useMe()
  if (me.roles.length > 0 || me.grants.some(({ verbs }) => verbs.includes('admin'))) return children
  return (
    <>
      <PageHead title="Administration" />
      <div className="panel">
        <Forbidden>
          <p>
            It takes the role <code>admin</code> or <code>auditor</code>, or the grant <code>admin</code> on a
            feed. An administrator gives them.
          </p>
        </Forbidden>
      </div>
    </>
  )
}
