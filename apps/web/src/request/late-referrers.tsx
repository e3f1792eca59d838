import type { LateReferrer, Request } from '@sluice/contract'
import { useQuery } from '@tanstack/react-query'
import { Chip, type Tone } from '../parts/chip.tsx'
import { Digest } from '../parts/copy.tsx'
import { useAction } from '../parts/form.tsx'
import { Panel } from '../parts/page.tsx'
import { Await, Refused } from '../parts/states.tsx'
import { Age } from '../parts/time.tsx'
import { client } from '../session/client.ts'
import { may, useMe } from '../session/me.ts'

const SHOWN = 20
/** They come seconds after the promotion, or weeks: a worker looks on its own. */
const EVERY_MS = 15_000

const STATE: Record<LateReferrer['state'], readonly [Tone, string]> = {
  admitted: ['good', 'Let in'],
  refused: ['bad', 'Refused'],
  waiting: ['wait', 'Waits'],
}

/** Signatures, SBOMs and attestations that came to the source after the promotion, and what became of them. */
export function LateReferrers({ request: { id, lane, kind } }: { request: Request }) {
  const me = useMe()
  const query = useQuery({
    queryKey: ['late-referrers', id],
    queryFn: () => client().listLateReferrers({ params: { id }, query: { limit: SHOWN } }),
    refetchInterval: EVERY_MS,
  })
  const look = useAction(() => client().scanReferrers({ params: { id } }), { refresh: ['late-referrers'] })
  if (kind === 'rollback' || kind === 'restore') return null
  return (
    <Panel
      title="Came later"
      aside={
        may(me, 'request', lane.to) && (
          <button type="button" className="button small" disabled={look.pending} onClick={look.run}>
            Look now
          </button>
        )
      }
    >
      <div className="stack tight">
        <Refused error={look.error} />
        <Await query={query} lines={2}>
          {({ items, next, scannedAt, problem }) => (
            <>
              {items.length === 0 && (
                <p className="soft small">
                  No signature, SBOM or attestation came to the source since. One that the approved policy
                  asks for follows the image.
                </p>
              )}
              {items.length > 0 && (
                <ul className="stack tight" aria-label="Artifacts that came later">
                  {items.map((item) => (
                    <One key={item.id} item={item} />
                  ))}
                </ul>
              )}
              {next !== null && (
                <p className="soft small">The newest {SHOWN}; all with sluice referrers list.</p>
              )}
              {problem !== null && <div className="notice wait breaks small">{problem}</div>}
              <p className="soft small">
                {scannedAt === null ? (
                  'Not looked at yet.'
                ) : (
                  <>
                    Looked at <Age at={scannedAt} />
                  </>
                )}
              </p>
            </>
          )}
        </Await>
      </div>
    </Panel>
  )
}

function One({ item: { state, digest, tag, carries, reason, foundAt } }: { item: LateReferrer }) {
  const [tone, word] = STATE[state]
  const what = carries.map(({ type, from }) => (from.length === 0 ? type : `${type} by ${from.join(', ')}`))
  return (
    <li className="stack tight">
      <span className="row">
        <Chip tone={tone}>{word}</Chip>
        <span className="breaks">{what.length === 0 ? 'artifact' : what.join('; ')}</span>
        <span className="soft small">
          <Age at={foundAt} />
        </span>
      </span>
      <Digest digest={digest} link={state === 'admitted'} />
      {tag !== null && <span className="soft small breaks">{tag}</span>}
      {reason !== null && <p className="breaks small">{reason}</p>}
    </li>
  )
}
