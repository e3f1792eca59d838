import { useState } from 'react'
import { TextArea } from '../parts/field.tsx'
import { Panel } from '../parts/page.tsx'
import { fieldErrorsOf, messageOf } from '../session/client.ts'
import type { Editing } from './lane.tsx'
import { lineOf, readYaml, writeYaml } from './policy-yaml.ts'

export function YamlEditor({ lane: { policy, version }, ends, error, saving, onSave }: Editing) {
  const [text, setText] = useState(() => writeYaml(policy))
  const [sent, setSent] = useState('')
  const read = readYaml(text)
  const refused = error !== null && sent === text ? [...fieldErrorsOf(error)] : []
  const mistakes = [
    ...read.mistakes,
    ...refused.map(([field, message]) => ({ line: lineOf(text, field), message: `${field}: ${message}` })),
  ]
  const other = error !== null && sent === text && refused.length === 0 ? messageOf(error) : null
  return (
    <Panel title={`Version ${version + 1}`}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault()
          if (read.policy === null) return
          setSent(text)
          onSave(read.policy)
        }}
      >
        <TextArea
          label="Policy"
          code
          value={text}
          onChange={(event) => setText(event.target.value)}
          wrong={mistakes.length > 0 ? 'The lines named below are not right yet' : undefined}
        />
        <div aria-live="polite">
          {(mistakes.length > 0 || other !== null) && (
            <ul className="notice bad">
              {mistakes.map(({ line, message }) => (
                <li key={`${line} ${message}`} className="breaks">
                  {line !== null && <strong>Line {line}: </strong>}
                  {message}
                </li>
              ))}
              {other !== null && <li className="breaks">{other}</li>}
            </ul>
          )}
        </div>
        {ends}
        <div className="row">
          <button type="submit" className="button primary" disabled={saving || read.policy === null}>
            Save as version {version + 1}
          </button>
        </div>
      </form>
    </Panel>
  )
}
