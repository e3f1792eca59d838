import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { pendingQuery } from './inbox/queries.ts'
import { createAppRouter } from './router.tsx'
import { statusOf } from './session/client.ts'
import { meQuery } from './session/me.ts'
import { session } from './session/session.ts'
import { applyTheme, keptTheme } from './shell/theme.ts'
import './styles/tokens.css'
import './styles/base.css'
import './styles/shell.css'
import './styles/parts.css'
import './styles/dialogs.css'
import './styles/fields.css'
import './styles/table.css'
import './styles/request.css'
import './styles/changes.css'
import './styles/feeds.css'
import './styles/history.css'
import './styles/views.css'

applyTheme(keptTheme())

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      // A refusal stays one; only what did not answer is asked again.
      retry: (failures, error) => (statusOf(error) ?? 503) >= 500 && failures < 2,
    },
  },
})
const router = createAppRouter(queries)

// What every view shows is asked for while the view's own script is still on its way.
if (session.current() !== null) {
  void queries.prefetchQuery(meQuery)
  if (location.pathname === '/') void queries.prefetchQuery(pendingQuery)
}

session.subscribe(() => {
  if (session.current() !== null) return
  queries.clear()
  // Every view is behind the session: looking again leads to the sign-in, which leads back.
  void router.invalidate()
})

const root = document.querySelector('#root')
if (root === null) throw new Error('the page has no #root')
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
)
