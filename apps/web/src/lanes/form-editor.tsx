import { type FormEvent, useState } from 'react'
import { Check, TextArea, TextField } from '../parts/field.tsx'
import { Panel } from '../parts/page.tsx'
import { Refused } from '../parts/states.tsx'
import { fieldErrorsOf } from '../session/client.ts'
import type { Editing } from './lane.tsx'
import { applyForm, beyondForm, readForm } from './policy-form.ts'

export function PolicyFormEditor({ lane: { policy, version }, ends, error, saving, onSave }: Editing) {
  const [form, setForm] = useState(() => readForm(policy))
  const wrong = fieldErrorsOf(error)
  const about = (field: string) => wrong.get(`policy.${field}`) ?? wrong.get(field)
  const beyond = beyondForm(policy)
  const setSeat = (at: number, change: object) =>
    setForm({
      ...form,
      quorum: form.quorum.map((seat, position) => (position === at ? { ...seat, ...change } : seat)),
    })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    onSave(applyForm(policy, form))
  }
  return (
    <Panel title={`Version ${version + 1}`}>
      <form className="stack" onSubmit={submit}>
        <fieldset>
          <legend>Approvals</legend>
          {form.quorum.map(({ count, group }, at) => (
            <div key={at} className="seat">
              <TextField
                label="How many"
                type="number"
                min={1}
                max={20}
                required
                value={count}
                wrong={about(`gates.quorum[${at}].count`)}
                onChange={(event) => setSeat(at, { count: event.target.valueAsNumber || 1 })}
              />
              <TextField
                label="Of group"
                placeholder="anyone"
                value={group}
                wrong={about(`gates.quorum[${at}].group`)}
                onChange={(event) => setSeat(at, { group: event.target.value.trim() })}
              />
              <button
                type="button"
                className="button"
                aria-label={`Remove rule ${at + 1}`}
                disabled={form.quorum.length === 1}
                onClick={() =>
                  setForm({ ...form, quorum: form.quorum.filter((_, position) => position !== at) })
                }
              >
                Remove
              </button>
            </div>
          ))}
          <div className="row">
            <button
              type="button"
              className="button small"
              onClick={() => setForm({ ...form, quorum: [...form.quorum, { count: 1, group: '' }] })}
            >
              And …
            </button>
          </div>
          <span className="soft small">The requester never counts, and each person counts once.</span>
        </fieldset>
        <Check
          label="Nor does whoever pushed the image"
          checked={form.pusherExcluded}
          onChange={(event) => setForm({ ...form, pusherExcluded: event.target.checked })}
        />
        <TextArea
          label="Target tags must match"
          hint="One pattern a line: release (X.Y.Z), or with *. Empty: any tag."
          rows={3}
          value={form.tagPatterns.join('\n')}
          wrong={about('gates.tagRule.patterns')}
          onChange={(event) =>
            setForm({ ...form, tagPatterns: event.target.value === '' ? [] : event.target.value.split('\n') })
          }
          onBlur={() =>
            setForm({
              ...form,
              tagPatterns: form.tagPatterns.map((line) => line.trim()).filter((line) => line !== ''),
            })
          }
        />
        <TextField
          label="Minutes in the from feed before it is copied"
          type="number"
          min={0}
          value={form.soakMinutes}
          wrong={about('gates.soak.minutes')}
          onChange={(event) => setForm({ ...form, soakMinutes: event.target.valueAsNumber || 0 })}
        />
        <TextField
          label="A request stays open, in hours"
          type="number"
          min={1}
          required
          value={form.expiresAfterHours}
          wrong={about('requestExpiresAfter.hours')}
          onChange={(event) => setForm({ ...form, expiresAfterHours: event.target.valueAsNumber || 1 })}
        />
        {beyond.length > 0 && (
          <p className="notice small breaks">
            Also set, and kept as it is: {beyond.join(', ')}. The YAML has it.
          </p>
        )}
        <Refused error={error} />
        {ends}
        <div className="row">
          <button type="submit" className="button primary" disabled={saving}>
            Save as version {version + 1}
          </button>
        </div>
      </form>
    </Panel>
  )
}
