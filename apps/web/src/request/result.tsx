import type { Request } from '@sluice/contract'
import { Command } from '../parts/copy.tsx'
import { Panel } from '../parts/page.tsx'
import { targetName } from './naming.ts'

const RESULT: Record<Request['kind'], string> = {
  promote: 'Promoted',
  'break-glass': 'Promoted',
  rollback: 'Moved back',
  restore: 'Restored',
}

/** How what was promoted is pulled: by its first tag, and by digest. */
export function Result({ request }: { request: Request }) {
  return (
    <Panel title={RESULT[request.kind]}>
      <div className="stack tight">
        {request.items.map((item) => (
          <div key={targetName(item)} className="stack tight">
            <span className="soft small breaks">{targetName(item)}</span>
            {item.tagPullCommand !== null && <Command text={item.tagPullCommand} />}
            {item.pullCommand !== null && <Command text={item.pullCommand} />}
          </div>
        ))}
      </div>
    </Panel>
  )
}
