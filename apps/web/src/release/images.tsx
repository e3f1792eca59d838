import type { Evaluation } from '@sluice/contract'
import { formatSize } from '../format/size.ts'
import { Digest } from '../parts/copy.tsx'
import { TextField } from '../parts/field.tsx'
import { Empty } from '../parts/states.tsx'
import { Against, Moves } from '../request/items.tsx'
import { targetName } from '../request/naming.ts'
import type { Asked } from './asked.ts'

/** The images of a set that is being put together; once the gates were tried, with what each is and moves. */
export function Images({
  asked,
  to,
  evaluation,
  wrong,
  onChange,
}: {
  asked: readonly Asked[]
  to: string
  evaluation: Evaluation | undefined
  wrong: (position: number) => string | undefined
  onChange: (asked: readonly Asked[]) => void
}) {
  if (asked.length === 0) {
    return (
      <Empty title="No image yet">
        <p>Add what belongs together.</p>
      </Empty>
    )
  }
  return (
    <ul className="set asked" aria-label="Images">
      {asked.map(({ image, tags }, position) => (
        <li key={image}>
          <strong className="breaks">{image}</strong>
          <button
            type="button"
            className="button small quiet"
            aria-label={`Leave out ${image}`}
            onClick={() => onChange(asked.filter((_, at) => at !== position))}
          >
            Leave out
          </button>
          <TextField
            label={`Tags in ${to}`}
            aria-label={`Tags of ${image} in ${to}`}
            placeholder={/@/.test(image) ? 'needed of a digest' : 'the same tag'}
            value={tags}
            wrong={wrong(position)}
            onChange={(event) =>
              onChange(asked.map((one, at) => (at === position ? { image, tags: event.target.value } : one)))
            }
          />
          <Tried item={evaluation?.items[position]} gates={evaluation?.gates ?? []} />
        </li>
      ))}
    </ul>
  )
}

function Tried({
  item,
  gates,
}: {
  item: Evaluation['items'][number] | undefined
  gates: Evaluation['gates']
}) {
  if (item === undefined) return null
  return (
    <span className="row found">
      <Digest digest={item.digest} link />
      <span className="soft small number">{formatSize(item.closure.bytes)}</span>
      <span className="soft small breaks">→ {targetName(item)}</span>
      <Moves item={item} />
      <Against item={item} gates={gates} />
    </span>
  )
}
