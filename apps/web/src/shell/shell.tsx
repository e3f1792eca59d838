import { useQuery } from '@tanstack/react-query'
import { Link, Navigate, Outlet, useLocation } from '@tanstack/react-router'
import { lazy, Suspense, useEffect, useRef } from 'react'
import { useMatters } from '../inbox/matters.tsx'
import { useWaiting } from '../inbox/queries.ts'
import { Icon, type IconName } from '../parts/icon.tsx'
import { Failure, Loading } from '../parts/states.tsx'
import { useChangesStream } from '../session/live.ts'
import { meQuery, useMe } from '../session/me.ts'
import { LiveMark } from './live-mark.tsx'

/** Menus come once the view is there: nobody opens one before. */
const AccountMenu = lazy(async () => ({ default: (await import('./account-menu.tsx')).AccountMenu }))

/** What is around every view of who is signed in. */
export function Shell() {
  const { data: me, error, refetch } = useQuery(meQuery)
  const { href } = useLocation()
  if (me === undefined) {
    if (error !== null) return <Failure error={error} retry={() => void refetch()} />
    return (
      <div className="door">
        <Loading what="Loading Sluice" />
      </div>
    )
  }
  if (me.mustChangePassword) return <Navigate to="/password" search={{ return: href }} replace />
  return <Framed />
}

function Framed() {
  useChangesStream()
  return (
    <div className="shell">
      <a className="skip" href="#content">
        Skip to content
      </a>
      <div className="rail">
        <Link to="/" className="brand" aria-label="Sluice, to the inbox">
          <Mark />
          Sluice
        </Link>
        <Navigation />
        <LiveMark />
        <Suspense fallback={<AccountName />}>
          <AccountMenu />
        </Suspense>
      </div>
      <Content />
    </div>
  )
}

/** Looks as the button that takes its place. */
function AccountName() {
  const me = useMe()
  return (
    <div className="account">
      <button type="button" className="button quiet" disabled>
        <Icon name="person" />
        <span className="breaks">{me.displayName}</span>
      </button>
    </div>
  )
}

function Content() {
  const main = useRef<HTMLElement>(null)
  const { pathname } = useLocation()
  const shown = useRef(pathname)
  // A new view is announced and reached by keyboard as a new page would be.
  useEffect(() => {
    if (shown.current === pathname) return
    shown.current = pathname
    main.current?.focus({ preventScroll: true })
  }, [pathname])
  return (
    <main id="content" className="content" tabIndex={-1} ref={main} style={{ outline: 'none' }}>
      <Outlet />
    </main>
  )
}

const PLACES: readonly { to: string; icon: IconName; name: string; within: RegExp }[] = [
  { to: '/', icon: 'inbox', name: 'Inbox', within: /^\/(requests\/|$)/ },
  { to: '/feeds', icon: 'feeds', name: 'Feeds', within: /^\/(feeds|digests|stages|recalls|running)/ },
  { to: '/lanes', icon: 'lanes', name: 'Lanes', within: /^\/lanes/ },
  { to: '/history', icon: 'history', name: 'History', within: /^\/history/ },
]

function Navigation() {
  const me = useMe()
  const { pathname } = useLocation()
  const requests = useWaiting()
  const matters = useMatters()
  const waiting = (requests.data?.length ?? 0) + matters.length
  const administers = me.roles.length > 0 || me.grants.some(({ verbs }) => verbs.includes('admin'))
  const places = administers
    ? [...PLACES, { to: '/admin', icon: 'admin' as const, name: 'Admin', within: /^\/admin/ }]
    : PLACES
  return (
    <nav className="nav" aria-label="Main">
      {places.map(({ to, icon, name, within }) => (
        <Link
          key={to}
          to={to}
          // A request is below the inbox whatever its address begins with.
          activeOptions={{ exact: true, includeSearch: false }}
          aria-current={within.test(pathname) ? 'page' : undefined}
        >
          <Icon name={icon} />
          {name}
          {to === '/' && waiting > 0 && (
            <span className="count">
              {waiting}
              <span className="unseen"> wait for you</span>
            </span>
          )}
        </Link>
      ))}
    </nav>
  )
}

export function Mark() {
  return <img src="/favicon.svg" alt="" width="24" height="24" />
}
