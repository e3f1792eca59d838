import type { Compared, SeenTag, Store } from '@sluice/store'
import type { Logger } from 'pino'
import type { Registries } from './ends/registries.ts'
import { type Periodic, startPeriodic } from './periodic.ts'

/** An out-of-band tag is noticed within this time. */
const PERIOD_MS = 5 * 60 * 1000
/** Where a registry notifies, at once: the api notes it and pokes; this is for what was missed or is due again. */
const HINTS_MS = 5_000
const AT_ONCE = 8

/** Compares what trusted remote feeds serve with what promotions put there, on a schedule; one worker does it. */
export function startReconciler(
  remotes: Store['remotes'],
  registries: Registries,
  log: Logger,
  periodMs = PERIOD_MS,
): Periodic {
  const stopping = new AbortController()
  const task = startPeriodic(
    'reconcile',
    periodMs,
    () => reconcile({ remotes, registries, log, signal: stopping.signal }),
    log,
  )
  const hints = startPeriodic('hints', HINTS_MS, () => followHints(remotes, log), log)
  return {
    /** A registry has notified. */
    poke: () => hints.poke(),
    async stop() {
      stopping.abort()
      await Promise.all([task.stop(), hints.stop()])
    },
  }
}

async function followHints(remotes: Store['remotes'], log: Logger): Promise<void> {
  const compared = await remotes.followHints((feedId, err) =>
    log.warn({ feedId, err }, 'feed not compared where its registry notified'),
  )
  tell(compared, {}, log)
}

function tell({ raised, resolved }: Compared, what: object, log: Logger): void {
  if (raised > 0)
    log.error({ ...what, raised }, 'tags of a trusted feed were changed by another way than a promotion')
  if (resolved > 0) log.info({ ...what, resolved }, 'tags are again where promotions put them')
}

interface Reconciler {
  readonly remotes: Store['remotes']
  readonly registries: Registries
  readonly signal: AbortSignal
  readonly log: Logger
}

/** A feed that cannot be read is told of, and the others are compared all the same. */
export async function reconcile({ remotes, registries, signal, log }: Reconciler): Promise<void> {
  await remotes.exclusively(async () => {
    for (const { feedId } of await remotes.trusted()) {
      if (signal.aborted) return
      try {
        tell(await compareFeed(feedId, { remotes, registries, signal }), { feedId }, log)
      } catch (err) {
        if (!signal.aborted) log.warn({ feedId, err }, 'feed not compared')
      }
    }
  })
}

async function compareFeed(
  feedId: string,
  { remotes, registries, signal }: Omit<Reconciler, 'log'>,
): Promise<Compared> {
  const { at, tags } = await remotes.ledger(feedId)
  const seen: SeenTag[] = []
  for (let i = 0; i < tags.length; i += AT_ONCE) {
    const part = tags.slice(i, i + AT_ONCE).map(async ({ repository, tag, digest: expected }) => {
      const end = { feedId, feed: feedId, repository, remote: true, proxy: false }
      const { repository: there } = await registries.open(end, 'pull')
      const found = await there.resolve(tag, signal, expected)
      seen.push({ repository, tag, digest: found?.digest ?? null, called: found?.called ?? null })
    })
    await Promise.all(part)
  }
  return remotes.compare(feedId, { at, seen })
}
