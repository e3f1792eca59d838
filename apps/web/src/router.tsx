import type { QueryClient } from '@tanstack/react-query'
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Link,
  Outlet,
  redirect,
} from '@tanstack/react-router'
import { promotionPages } from './history/queries.ts'
import { Inbox } from './inbox/inbox.tsx'
import { prefetchPages } from './parts/paging.ts'
import { Empty, Failure, Loading } from './parts/states.tsx'
import { requestQuery } from './request/query.ts'
import {
  chartsSearch,
  findSearch,
  grantsSearch,
  historySearch,
  inboxSearch,
  laneSearch,
  recallsSearch,
  releaseSearch,
  repositorySearch,
  requestSearch,
  returnSearch,
  siteSearch,
  tagMovesSearch,
} from './search.ts'
import { Password } from './session/password.tsx'
import { session } from './session/session.ts'
import { SignIn } from './session/sign-in.tsx'
import { Shell } from './shell/shell.tsx'

const root = createRootRouteWithContext<{ queries: QueryClient }>()({
  component: Outlet,
  notFoundComponent: NotFound,
})

const signedIn = ({ location }: { location: { href: string } }) => {
  if (session.current() === null) {
    throw redirect({ to: '/sign-in', search: location.href === '/' ? {} : { return: location.href } })
  }
}

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: returnSearch,
  component: SignIn,
})
const password = createRoute({
  getParentRoute: () => root,
  path: '/password',
  validateSearch: returnSearch,
  beforeLoad: signedIn,
  component: Password,
})
const shell = createRoute({ getParentRoute: () => root, id: 'shell', beforeLoad: signedIn, component: Shell })

const under = { getParentRoute: () => shell } as const
const inbox = createRoute({ ...under, path: '/', validateSearch: inboxSearch, component: Inbox })
const request = createRoute({
  ...under,
  path: '/requests/$id',
  validateSearch: requestSearch,
  loader: ({ context, params }) => void context.queries.prefetchQuery(requestQuery(params.id)),
  component: lazyRouteComponent(() => import('./request/request.tsx'), 'RequestView'),
})
const releaseSet = createRoute({
  ...under,
  path: '/requests/new',
  validateSearch: releaseSearch,
  component: lazyRouteComponent(() => import('./release/release-set.tsx'), 'ReleaseSet'),
})
const feeds = createRoute({
  ...under,
  path: '/feeds',
  component: lazyRouteComponent(() => import('./feeds/feeds.tsx'), 'Feeds'),
})
const map = createRoute({
  ...under,
  path: '/stages',
  validateSearch: findSearch,
  component: lazyRouteComponent(() => import('./feeds/stages.tsx'), 'Stages'),
})
const feed = createRoute({
  ...under,
  path: '/feeds/$feed',
  validateSearch: findSearch,
  component: lazyRouteComponent(() => import('./feeds/repositories.tsx'), 'Repositories'),
})
const repository = createRoute({
  ...under,
  path: '/feeds/$feed/repositories/$',
  validateSearch: repositorySearch,
  component: lazyRouteComponent(() => import('./feeds/repository.tsx'), 'Repository'),
})
const digest = createRoute({
  ...under,
  path: '/digests/$digest',
  component: lazyRouteComponent(() => import('./feeds/digest.tsx'), 'DigestView'),
})
const recalls = createRoute({
  ...under,
  path: '/recalls',
  validateSearch: recallsSearch,
  component: lazyRouteComponent(() => import('./recall/recalls.tsx'), 'Recalls'),
})
const running = createRoute({
  ...under,
  path: '/running',
  component: lazyRouteComponent(() => import('./running/sites.tsx'), 'Sites'),
})
const site = createRoute({
  ...under,
  path: '/running/$site',
  validateSearch: siteSearch,
  component: lazyRouteComponent(() => import('./running/site.tsx'), 'SiteView'),
})
const lanes = createRoute({
  ...under,
  path: '/lanes',
  component: lazyRouteComponent(() => import('./lanes/lanes.tsx'), 'Lanes'),
})
const lane = createRoute({
  ...under,
  path: '/lanes/$lane',
  validateSearch: laneSearch,
  component: lazyRouteComponent(() => import('./lanes/lane.tsx'), 'LaneView'),
})
const history = createRoute({
  ...under,
  path: '/history',
  validateSearch: historySearch,
  loaderDeps: ({ search }) => search,
  loader: ({ context, deps }) => void prefetchPages(context.queries, promotionPages(deps)),
  component: lazyRouteComponent(() => import('./history/promotions.tsx'), 'Promotions'),
})
const tagMoves = createRoute({
  ...under,
  path: '/history/tags',
  validateSearch: tagMovesSearch,
  component: lazyRouteComponent(() => import('./history/tag-moves.tsx'), 'TagMoves'),
})
const charts = createRoute({
  ...under,
  path: '/history/charts',
  validateSearch: chartsSearch,
  component: lazyRouteComponent(() => import('./history/charts.tsx'), 'Charts'),
})
const admin = createRoute({
  ...under,
  path: '/admin',
  component: lazyRouteComponent(() => import('./admin/users.tsx'), 'Users'),
})
const groups = createRoute({
  ...under,
  path: '/admin/groups',
  component: lazyRouteComponent(() => import('./admin/groups.tsx'), 'Groups'),
})
const grants = createRoute({
  ...under,
  path: '/admin/grants',
  validateSearch: grantsSearch,
  component: lazyRouteComponent(() => import('./admin/grants.tsx'), 'Grants'),
})
const adminFeeds = createRoute({
  ...under,
  path: '/admin/feeds',
  component: lazyRouteComponent(() => import('./admin/feeds.tsx'), 'AdminFeeds'),
})
const adminFeed = createRoute({
  ...under,
  path: '/admin/feeds/$feed',
  component: lazyRouteComponent(() => import('./admin/feed.tsx'), 'AdminFeed'),
})
const storage = createRoute({
  ...under,
  path: '/admin/storage',
  component: lazyRouteComponent(() => import('./storage/storage.tsx'), 'Storage'),
})
const tokens = createRoute({
  ...under,
  path: '/tokens',
  component: lazyRouteComponent(() => import('./admin/tokens.tsx'), 'Tokens'),
})
const guide = createRoute({
  ...under,
  path: '/guide',
  component: lazyRouteComponent(() => import('./admin/guide.tsx'), 'Guide'),
})

const tree = root.addChildren([
  signIn,
  password,
  shell.addChildren([
    inbox,
    request,
    releaseSet,
    feeds,
    map,
    feed,
    repository,
    digest,
    recalls,
    running,
    site,
    lanes,
    lane,
    history,
    tagMoves,
    charts,
    admin,
    groups,
    grants,
    adminFeeds,
    adminFeed,
    storage,
    tokens,
    guide,
  ]),
])

export function createAppRouter(queries: QueryClient) {
  return createRouter({
    routeTree: tree,
    context: { queries },
    scrollRestoration: true,
    defaultPreload: 'intent',
    // What was asked for beforehand is kept by the queries alone.
    defaultPreloadStaleTime: 0,
    defaultPendingComponent: Loading,
    defaultErrorComponent: ({ error, reset }) => <Failure error={error} retry={reset} />,
    pathParamsAllowedCharacters: [':', '@'],
  })
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createAppRouter>
  }
}

function NotFound() {
  return (
    <Empty title="There is no such page">
      <Link to="/">To the inbox</Link>
    </Empty>
  )
}
