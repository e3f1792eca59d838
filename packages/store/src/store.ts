import { PrismaPg } from '@prisma/adapter-pg'
import { Pool } from 'pg'
import { accounts } from './accounts/index.ts'
import { audit } from './audit/list.ts'
import { collector } from './collect/index.ts'
import { storageOverview } from './collect/overview.ts'
import { asStoreError } from './errors.ts'
import { evidence } from './evidence/index.ts'
import { feedIndex } from './feed-index/index.ts'
import { feeds } from './feeds/feeds.ts'
import { PrismaClient } from './generated/client.ts'
import { lanes } from './lanes/lanes.ts'
import { requireMigrated } from './migrations.ts'
import {
  digests,
  promotions,
  recalls,
  requests,
  runs,
  type VerifyQuestion,
  verify,
} from './promotion/index.ts'
import { proxies } from './proxies/index.ts'
import { purges } from './purge/index.ts'
import { pauses } from './remotes/pauses.ts'
import { lateReferrers } from './referrers/index.ts'
import { remotes } from './remotes/index.ts'
import { sites } from './sites/index.ts'
import type { Connections } from './transaction.ts'

export type Store = Awaited<ReturnType<typeof openStore>>

interface StoreOptions {
  readonly url: string
  readonly poolSize?: number
  /** Of the installation (`loadSecret`): opens the credentials of remote registries, which are sealed with it. */
  readonly secret?: Uint8Array
  /** The clock of the limits, in ms. */
  readonly now?: () => number
  /** Hears of what is written down beside what was asked, and could not be. */
  readonly aside?: (error: unknown) => void
}

/**
 * Opens the store as the role of this URL; the database is migrated already (`prepareDatabase`).
 * @throws StoreError schema_behind, schema_ahead, migration_changed, unavailable
 */
export async function openStore(options: StoreOptions) {
  const { url, poolSize = 10, secret, now = Date.now, aside = () => {} } = options
  const pool = new Pool({
    connectionString: url,
    max: poolSize,
    connectionTimeoutMillis: 10_000,
    application_name: 'sluice',
  })
  // An idle connection that Postgres closes is replaced; without a listener it would end the process.
  // Also a connection that somebody holds between two queries may break: the next query says so, and an
  // error that nobody hears would end the process.
  pool.on('connect', (client) => client.on('error', () => {}))
  pool.on('error', () => {})
  try {
    await requireMigrated(pool)
  } catch (error) {
    await pool.end()
    throw asStoreError(error)
  }
  const prisma = new PrismaClient({
    adapter: new PrismaPg(pool),
    transactionOptions: { maxWait: 10_000, timeout: 30_000 },
  })
  const connections: Connections = { prisma, pool }
  const remote = remotes(connections, secret)
  const proxy = proxies(connections, remote, aside)
  return {
    ...connections,
    feedIndex: feedIndex(pool),
    accounts: accounts(connections, now),
    feeds: feeds(connections, remote.seal),
    lanes: lanes(connections),
    audit: audit(connections),
    /** The name fixed at first start; null before. */
    instance: () => prisma.instance.findFirst({ select: { name: true, createdAt: true } }),
    pauses: pauses(connections),
    evidence: evidence(connections),
    requests: requests(connections, remote),
    runs: runs(connections, remote),
    promotions: promotions(connections),
    digests: digests(connections),
    recalls: recalls(connections),
    purges: purges(connections),
    remotes: remote,
    sites: sites(connections),
    /** What the proxy feeds ask: `upstreams` of the feed server. */
    proxies: proxy,
    referrers: lateReferrers(connections, remote),
    collector: collector(connections),
    storageOverview: () => storageOverview(pool),
    verify: (question: VerifyQuestion) => verify(prisma, question),
    async close(): Promise<void> {
      await proxy.settle()
      remote.close()
      await prisma.$disconnect()
      await pool.end()
    },
  }
}
