import type { TextChange } from '../image/compare.ts'

/** What a name stood for before, and what it stands for now. */
export function TextChanges({ name, changes }: { name: string; changes: readonly TextChange[] }) {
  return (
    <>
      <h3 className="group">{name}</h3>
      <ul className="texts">
        {changes.map(({ name, before, after }) => (
          <li key={name}>
            <code className="name">{name}</code>
            {before !== null && (
              <del>
                <span className="unseen">before: </span>
                <code>{before === '' ? '(empty)' : before}</code>
              </del>
            )}
            {after !== null && (
              <ins>
                <span className="unseen">now: </span>
                <code>{after === '' ? '(empty)' : after}</code>
              </ins>
            )}
          </li>
        ))}
      </ul>
    </>
  )
}
