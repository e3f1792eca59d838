import type { Feed, Remote } from '@sluice/contract'
import { useState } from 'react'
import { Chip } from '../parts/chip.tsx'
import { Command } from '../parts/copy.tsx'
import { TextField } from '../parts/field.tsx'
import { Form, useAction } from '../parts/form.tsx'
import { Panel } from '../parts/page.tsx'
import { Refused } from '../parts/states.tsx'
import { client } from '../session/client.ts'
import { RegistryFields } from './fields.tsx'
import { changeOf, settingsOf } from './settings.ts'

/** How the registry of a remote feed is reached: changed here, and what is secret is written only. */
export function RegistrySettings({ feed, remote }: { feed: Feed; remote: Remote }) {
  const [given, setGiven] = useState(() => settingsOf(remote))
  const change = changeOf(given, remote)
  const save = useAction(
    () => client().updateFeed({ params: { feed: feed.name }, body: { remote: change } }),
    {
      refresh: ['feeds'],
      done: (saved) => {
        // What was typed of secrets is forgotten here, too.
        if (saved.remote !== null) setGiven(settingsOf(saved.remote))
      },
    },
  )
  return (
    <Panel title="Registry">
      <Form action={save} does="Save the registry" ready={Object.keys(change).length > 0}>
        <RegistryFields given={given} onChange={setGiven} wrong={save.wrong} remote={remote} />
        {save.answer !== undefined && Object.keys(change).length === 0 && (
          <p className="notice good small" role="status">
            Saved. Test the connection to see that it works.
          </p>
        )}
      </Form>
    </Panel>
  )
}

const STEPS: Readonly<Record<string, string>> = {
  connect: 'Reach it and sign in',
  read: 'Read the repository',
}

/** Tries the registry as a promotion would, and tells how far it came. */
export function ConnectionTest({ feed }: { feed: Feed }) {
  const [repository, setRepository] = useState('')
  const test = useAction(() =>
    client().testConnection({
      params: { feed: feed.name },
      body: repository.trim() === '' ? {} : { repository: repository.trim() },
    }),
  )
  const result = test.answer
  return (
    <Panel
      title="Connection"
      aside={
        result !== undefined &&
        (result.ok ? <Chip tone="good">Works</Chip> : <Chip tone="bad">Does not work</Chip>)
      }
    >
      <div className="stack">
        <Form action={test} does={test.pending ? 'Testing …' : 'Test the connection'}>
          <TextField
            label="Repository"
            placeholder="team/app"
            hint="Optional: also see that its tags may be read"
            value={repository}
            wrong={test.wrong('repository')}
            onChange={(event) => setRepository(event.target.value)}
          />
        </Form>
        {result !== undefined && !test.pending && (
          <div className={`notice ${result.ok ? 'good' : 'bad'}`} role="status">
            <strong className="breaks">{result.message}</strong>
            <ul className="tried small">
              {result.steps.map(({ step, ok, message }) => (
                <li key={step} data-ok={ok}>
                  <span>{STEPS[step] ?? step}</span>
                  <span className="breaks">{message}</span>
                </li>
              ))}
            </ul>
          </div>
        )}
      </div>
    </Panel>
  )
}

/** So that a change over there is seen at once, and not at the next look only. */
export function Notifications({ feed }: { feed: Feed }) {
  const key = useAction(() => client().getNotificationKey({ params: { feed: feed.name } }))
  return (
    <Panel title="Notifications">
      <div className="stack tight">
        <p className="soft small">
          A registry that can notify says at once when something changes there. Without, it is looked at by
          the clock.
        </p>
        {key.answer === undefined ? (
          <div className="row">
            <button type="button" className="button" disabled={key.pending} onClick={key.run}>
              Show address and key
            </button>
          </div>
        ) : (
          <>
            <span className="small">It sends its notifications to</span>
            <Command text={key.answer.url} />
            <span className="small">with the header Authorization</span>
            <Command text={key.answer.authorization} />
          </>
        )}
        <Refused error={key.error} />
      </div>
    </Panel>
  )
}
