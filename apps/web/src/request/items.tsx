import type { Promotion, Request, RequestItem } from '@sluice/contract'
import { Link } from '@tanstack/react-router'
import { shortDigest } from '../format/digest.ts'
import { formatSize } from '../format/size.ts'
import { Chip } from '../parts/chip.tsx'
import { Digest } from '../parts/copy.tsx'
import { Panel } from '../parts/page.tsx'
import { gateName } from './gates.tsx'
import { gatesAgainst } from './item-gates.ts'
import { sourceName, targetName } from './naming.ts'

/** The images of a release set; what is shown beside is of the one that was chosen. */
export function Items({ request, position }: { request: Request; position: number }) {
  const { items, gates, state, promotion } = request
  return (
    <Panel
      title={`Release set of ${items.length}`}
      flush
      aside={<span className="soft small">decided on as a whole</span>}
    >
      <ul className="set">
        {items.map((item, at) => (
          <li key={targetName(item)} data-shown={at === position}>
            <Link
              from="/requests/$id"
              to="."
              search={{ item: at }}
              resetScroll={false}
              aria-current={at === position ? 'true' : undefined}
              activeProps={{}}
            >
              <strong className="breaks">{sourceName(item)}</strong>
              <span className="soft small breaks">→ {targetName(item)}</span>
            </Link>
            <span className="row">
              <Digest digest={item.digest} link />
              <span className="soft small number">{formatSize(item.closure.bytes)}</span>
            </span>
            {state === 'PENDING' && (
              <span className="row">
                <Moves item={item} />
                <Against item={item} gates={gates} />
              </span>
            )}
            {promotion !== null && <Arrived promotion={promotion} at={at} name={sourceName(item)} />}
          </li>
        ))}
      </ul>
    </Panel>
  )
}

/** What the target tags point at now, in a word. */
export function Moves({ item: { target, digest } }: { item: Pick<RequestItem, 'target' | 'digest'> }) {
  const moved = target.tags.filter(({ expected }) => expected !== null && expected !== digest)
  if (target.tags.length > 0 && target.tags.every(({ expected }) => expected === digest)) {
    return (
      <Chip tone="neutral" plain>
        there already
      </Chip>
    )
  }
  return moved.map(({ tag, expected }) => (
    <span key={tag} className="soft small breaks" title={expected ?? ''}>
      moves {tag} from <code>{shortDigest(expected ?? '')}</code>
    </span>
  ))
}

/** The gates that have something against this item; what they say is in the list of gates. */
export function Against({
  item,
  gates,
}: {
  item: Pick<RequestItem, 'source' | 'digest'>
  gates: Request['gates']
}) {
  return gatesAgainst(gates, item).map(({ gate, verdict, reasons }) => (
    <span key={gate} title={reasons.join('\n')}>
      <Chip tone={verdict === 'block' ? 'bad' : 'wait'}>
        {verdict === 'block' ? 'blocked by' : 'waits for'} {gateName(gate).toLowerCase()}
      </Chip>
    </span>
  ))
}

function Arrived({ promotion, at, name }: { promotion: Promotion; at: number; name: string }) {
  const of = promotion.progress.items[at]
  if (of === undefined || promotion.state === 'CANCELLED') return null
  const share = of.totalBytes === 0 ? 1 : Math.min(1, of.bytes / of.totalBytes)
  const shown = Math.round(share * 100)
  return (
    <span className="arrived">
      <span
        className={`bar${promotion.state === 'SUCCEEDED' ? ' good' : ''}`}
        role="progressbar"
        aria-label={`Copied of ${name}`}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={shown}
      >
        <i style={{ width: `${share * 100}%` }} />
      </span>
      <span className="soft small number">{shown} %</span>
    </span>
  )
}
