import type { Feed } from '@sluice/contract'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { bytesOf, type SizeUnit, sizedOf, sizeUnits } from '../format/quota.ts'
import { words } from '../format/words.ts'
import { Check, SelectField, TextArea, TextField } from '../parts/field.tsx'
import { Form, useAction } from '../parts/form.tsx'
import { Panel } from '../parts/page.tsx'
import { Usage } from '../parts/usage.tsx'
import { KeepDays } from '../remote/cache.tsx'
import { RegistryFields } from '../remote/fields.tsx'
import { NEW_REGISTRY, remoteOf, type Settings as Registry } from '../remote/settings.ts'
import { client } from '../session/client.ts'

/** What the name, the rights and the lanes of feeds are shown from. */
export const FEEDS = ['feeds', 'me', 'lanes'] as const

type Given = { name: string; stage: string; trusted: boolean; immutable: string }

/** Name, stage, trust and immutable tags, alike for a new feed and for one that is there. */
function Basics({
  feed,
  kind,
  given,
  onChange,
  wrong,
}: {
  feed: Feed | null
  /** A proxy is never trusted, and has the tags of its upstream. */
  kind: Feed['kind']
  given: Given
  onChange: (given: Given) => void
  wrong: (field: string) => string | undefined
}) {
  return (
    <>
      <TextField
        label="Name"
        required
        hint={
          feed === null
            ? 'Reserved to this feed for ever'
            : 'The old name keeps working, and stays reserved to this feed'
        }
        value={given.name}
        wrong={wrong('name')}
        onChange={(event) => onChange({ ...given, name: event.target.value })}
      />
      <TextField
        label="Stage"
        required
        placeholder="qa"
        value={given.stage}
        wrong={wrong('stage')}
        onChange={(event) => onChange({ ...given, stage: event.target.value })}
      />
      {kind !== 'proxy' && <Rules given={given} onChange={onChange} wrong={wrong} />}
    </>
  )
}

function Rules({
  given,
  onChange,
  wrong,
}: {
  given: Given
  onChange: (given: Given) => void
  wrong: (field: string) => string | undefined
}) {
  return (
    <>
      <Check
        label="Trusted: images come in by promotion only. Fixed once it holds one."
        checked={given.trusted}
        onChange={(event) => onChange({ ...given, trusted: event.target.checked })}
      />
      <TextArea
        label="Immutable tags"
        hint="One pattern a line: release (X.Y.Z), or with *"
        rows={2}
        value={given.immutable}
        wrong={wrong('tagRules')}
        onChange={(event) => onChange({ ...given, immutable: event.target.value })}
      />
    </>
  )
}

const tagRulesOf = ({ immutable }: Given, others: Feed['tagRules'] = {}): Feed['tagRules'] => {
  const patterns = words(immutable)
  // Rules that this form does not know stay as they are.
  const { immutable: _, ...kept } = others
  return { ...kept, ...(patterns.length > 0 && { immutable: patterns }) }
}

const KINDS = [
  { value: 'hosted', label: 'Stored here' },
  { value: 'remote', label: 'In another registry' },
  { value: 'proxy', label: 'Pulled through from another registry, and cached' },
] as const

export function NewFeed({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate()
  const [given, setGiven] = useState<Given>({ name: '', stage: '', trusted: false, immutable: '' })
  const [kind, setKind] = useState<Feed['kind']>('hosted')
  const [remote, setRemote] = useState<Registry>(NEW_REGISTRY)
  const [days, setDays] = useState('30')
  const make = useAction(
    () => {
      const { name, stage, trusted } = given
      const ruled = { name, stage, trusted, tagRules: tagRulesOf(given) }
      const proxied = { name, stage, cache: { keepDays: Number(days) } }
      return client().createFeed({
        body:
          kind === 'hosted'
            ? ruled
            : { ...(kind === 'proxy' ? proxied : ruled), kind, remote: remoteOf(remote) },
      })
    },
    { refresh: FEEDS, done: ({ name }) => navigate({ to: '/admin/feeds/$feed', params: { feed: name } }) },
  )
  return (
    <Form action={make} does="Make the feed" onClose={onClose}>
      <SelectField
        label="Its images are"
        value={kind}
        choices={KINDS}
        onChange={(event) =>
          setKind(KINDS.find(({ value }) => value === event.target.value)?.value ?? 'hosted')
        }
      />
      <Basics feed={null} kind={kind} given={given} onChange={setGiven} wrong={make.wrong} />
      {kind === 'proxy' && <KeepDays days={days} onChange={setDays} wrong={make.wrong} />}
      {kind !== 'hosted' && (
        <RegistryFields given={remote} onChange={setRemote} wrong={make.wrong} remote={null} />
      )}
    </Form>
  )
}

export function Settings({ feed }: { feed: Feed }) {
  const navigate = useNavigate()
  const [given, setGiven] = useState<Given>({
    name: feed.name,
    stage: feed.stage,
    trusted: feed.trusted,
    immutable: feed.tagRules.immutable?.join('\n') ?? '',
  })
  const save = useAction(
    () =>
      client().updateFeed({
        params: { feed: feed.name },
        body: {
          ...(given.name !== feed.name && { name: given.name }),
          ...(given.stage !== feed.stage && { stage: given.stage }),
          ...(given.trusted !== feed.trusted && { trusted: given.trusted }),
          ...(feed.kind !== 'proxy' && { tagRules: tagRulesOf(given, feed.tagRules) }),
        },
      }),
    {
      refresh: FEEDS,
      done: ({ name }) => navigate({ to: '/admin/feeds/$feed', params: { feed: name }, replace: true }),
    },
  )
  return (
    <Panel title="Settings">
      <Form action={save} does="Save the settings">
        <Basics feed={feed} kind={feed.kind} given={given} onChange={setGiven} wrong={save.wrong} />
        {save.answer !== undefined && (
          <p className="notice good small" role="status">
            Saved.
          </p>
        )}
      </Form>
    </Panel>
  )
}

export function Quota({ feed }: { feed: Feed }) {
  const [sized, setSized] = useState(() => sizedOf(feed.quota?.bytes ?? null))
  const bytes = bytesOf(sized)
  const save = useAction(
    () =>
      client().updateFeed({
        params: { feed: feed.name },
        body: { quota: bytes == null ? null : { bytes } },
      }),
    { refresh: ['feeds'] },
  )
  return (
    <Panel title="Quota">
      <div className="stack">
        <Usage
          used={feed.used}
          limit={feed.quota?.bytes ?? null}
          label={`Used of the quota of ${feed.name}`}
        />
        <Form
          action={save}
          does="Save the quota"
          ready={bytes !== undefined && bytes !== (feed.quota?.bytes ?? null)}
        >
          <div className="sized">
            <TextField
              label="What its blobs may take"
              inputMode="decimal"
              hint="Empty: no limit"
              value={sized.amount}
              wrong={bytes === undefined ? 'This is no size of at least one byte.' : save.wrong('quota')}
              onChange={(event) => setSized({ ...sized, amount: event.target.value })}
            />
            <SelectField
              label="Unit"
              value={sized.unit}
              choices={sizeUnits.map((value) => ({ value, label: value }))}
              onChange={(event) =>
                setSized({ ...sized, unit: sizeUnits.find((one) => one === event.target.value) ?? unitOf })
              }
            />
          </div>
          {bytes != null && bytes < feed.used && (
            <p className="notice wait small">
              It holds more than that already:{' '}
              {feed.kind === 'proxy' ? 'nothing more will be kept.' : 'no push will get in.'}
            </p>
          )}
          <p className="soft small">
            {feed.kind === 'proxy'
              ? 'What finds no room is handed on and not kept; from four fifths on, what nobody pulled for a day goes.'
              : 'A push beyond it is refused, and from four fifths on the log warns. Promotions are never refused for a quota.'}
          </p>
        </Form>
      </div>
    </Panel>
  )
}

const unitOf: SizeUnit = 'GB'

export function DeleteFeed({ feed }: { feed: Feed }) {
  const navigate = useNavigate()
  const [sure, setSure] = useState('')
  const remove = useAction(() => client().deleteFeed({ params: { feed: feed.name } }), {
    refresh: FEEDS,
    done: () => navigate({ to: '/admin/feeds' }),
  })
  return (
    <Panel title="Delete">
      <Form action={remove} does={`Delete ${feed.name}`} tone="danger" ready={sure === feed.name}>
        <p className="soft small">
          Its names stay reserved for ever. A feed that a lane uses, and a trusted one that holds images,
          stays.
        </p>
        <TextField
          label={`Type ${feed.name} to delete it`}
          value={sure}
          autoComplete="off"
          onChange={(event) => setSure(event.target.value)}
        />
      </Form>
    </Panel>
  )
}
