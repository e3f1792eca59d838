import type { Answer, Feed } from '@sluice/contract'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { Digest } from '../parts/copy.tsx'
import { TextField } from '../parts/field.tsx'
import { Form, useAction } from '../parts/form.tsx'
import { Panel } from '../parts/page.tsx'
import { Empty } from '../parts/states.tsx'
import { type Column, Table } from '../parts/table.tsx'
import { Moment } from '../parts/time.tsx'
import { client } from '../session/client.ts'
import { EMPTY_RULE, inWords, type RuleText, ruleOf, textOf } from './retention-rules.ts'

/** What a feed keeps, as rules that are tried before they are saved. */
export function Retention({ feed }: { feed: Feed }) {
  const [rules, setRules] = useState<readonly RuleText[]>(() => feed.retention.rules.map(textOf))
  const asked = rules.map(ruleOf)
  const text = JSON.stringify(asked)
  const kept = text === JSON.stringify(feed.retention.rules.map(textOf).map(ruleOf))
  // Which rules it was that were tried is part of the answer: they may be edited while it is on its way.
  const preview = useAction(async () => ({
    of: text,
    ...(await client().previewRetention({ params: { feed: feed.name }, body: { rules: asked } })),
  }))
  const save = useAction(
    () => client().updateFeed({ params: { feed: feed.name }, body: { retention: { rules: asked } } }),
    { refresh: ['feeds'] },
  )
  const tried = preview.answer?.of === text
  const set = (at: number, change: Partial<RuleText>) =>
    setRules(rules.map((rule, position) => (position === at ? { ...rule, ...change } : rule)))
  const wrong = (field: string) => preview.wrong(field) ?? save.wrong(`retention.${field}`)
  return (
    <Panel title="Retention" flush>
      <div className="body">
        <Form
          action={tried && !kept ? save : preview}
          does={tried && !kept ? 'Save these rules' : 'See what would go'}
          refused={save.error ?? preview.error}
        >
          {rules.length === 0 && <p className="soft">Without rules, everything is kept.</p>}
          {rules.map((rule, at) => (
            <fieldset key={at} className="rule">
              <legend>
                Rule {at + 1} <span className="soft small breaks">{inWords(ruleOf(rule))}</span>
              </legend>
              <div className="rule-fields">
                <TextField
                  label="Repositories"
                  hint="Names, or with *"
                  required
                  value={rule.repositories}
                  wrong={wrong(`rules[${at}].repositories`)}
                  onChange={(event) => set(at, { repositories: event.target.value })}
                />
                <TextField
                  label="Last tags"
                  type="number"
                  min={1}
                  value={rule.keepLast}
                  wrong={wrong(`rules[${at}].keepLast`)}
                  onChange={(event) => set(at, { keepLast: event.target.value })}
                />
                <TextField
                  label="Days"
                  type="number"
                  min={1}
                  value={rule.keepDays}
                  wrong={wrong(`rules[${at}].keepDays`)}
                  onChange={(event) => set(at, { keepDays: event.target.value })}
                />
                <TextField
                  label="Tags named"
                  hint="Patterns: v*, release"
                  value={rule.keepTags}
                  wrong={wrong(`rules[${at}].keepTags`)}
                  onChange={(event) => set(at, { keepTags: event.target.value })}
                />
              </div>
              <div className="row">
                <button
                  type="button"
                  className="button small"
                  onClick={() => setRules(rules.filter((_, position) => position !== at))}
                >
                  Remove rule {at + 1}
                </button>
              </div>
            </fieldset>
          ))}
          <div className="row">
            <button type="button" className="button small" onClick={() => setRules([...rules, EMPTY_RULE])}>
              Add a rule
            </button>
          </div>
          <p className="soft small">
            A tag stays when any rule that names its repository keeps it; a repository that no rule names
            keeps everything. What was promoted or is asked for, what runs anywhere, immutable tags, and what
            was pushed within a day stay whatever the rules say. The hourly collection applies them.
          </p>
          {kept && tried && save.answer !== undefined && (
            <p className="notice good small" role="status">
              These rules are the feed’s now.
            </p>
          )}
        </Form>
      </div>
      {tried && preview.answer !== undefined && (
        <>
          <WouldGo preview={preview.answer} saved={kept} />
          <StaysForRunning kept={preview.answer.kept} />
        </>
      )}
    </Panel>
  )
}

type Gone = Answer<'previewRetention'>['items'][number]

const columns: readonly Column<Gone>[] = [
  {
    head: 'Repository',
    width: 'minmax(0, 1.4fr)',
    named: false,
    cell: ({ repository }) => <strong className="breaks">{repository}</strong>,
  },
  {
    head: 'Tags',
    width: 'minmax(0, 1.4fr)',
    cell: ({ tags }) => (
      <span className="breaks">{tags.join(', ') || <span className="soft">none</span>}</span>
    ),
  },
  { head: 'Digest', width: '210px', cell: ({ digest }) => <Digest digest={digest} link /> },
]

function WouldGo({
  preview: { items, more },
  saved,
}: {
  preview: Answer<'previewRetention'>
  saved: boolean
}) {
  if (items.length === 0) return <Empty title={saved ? 'Nothing goes now' : 'Nothing would go now'} />
  const repositories = new Set(items.map(({ repository }) => repository)).size
  const tags = items.reduce((sum, one) => sum + one.tags.length, 0)
  return (
    <div className="would-go">
      <p className="notice wait" role="status">
        <strong>
          {more ? 'More than ' : ''}
          {items.length} {items.length === 1 ? 'image' : 'images'} of {repositories}{' '}
          {repositories === 1 ? 'repository' : 'repositories'}, with {tags} {tags === 1 ? 'tag' : 'tags'},{' '}
          {saved ? 'go at the next collection' : 'would go'}
        </strong>
      </p>
      <Table
        label="What would go"
        columns={columns}
        items={items}
        keyOf={({ repository, digest }) => `${repository}@${digest}`}
      />
    </div>
  )
}

type Kept = Answer<'previewRetention'>['kept'][number]

const keptColumns: readonly Column<Kept>[] = [
  ...columns,
  {
    head: 'Stays because',
    width: 'minmax(0, 1.4fr)',
    cell: ({ running }) =>
      running.length === 0 ? (
        <span className="soft">it belongs to what runs</span>
      ) : (
        <ul className="dots">
          {running.map(({ site, digest, since }) => (
            <li key={`${site} ${digest}`}>
              runs in{' '}
              <Link to="/running/$site" params={{ site }} search={{}} className="breaks">
                {site}
              </Link>{' '}
              since <Moment at={since} />
            </li>
          ))}
        </ul>
      ),
  },
]

/** What the rules would let go of if nothing ran. */
function StaysForRunning({ kept }: { kept: readonly Kept[] }) {
  if (kept.length === 0) return null
  return (
    <div className="would-go">
      <p className="notice">
        <strong>
          {kept.length} {kept.length === 1 ? 'image stays' : 'images stay'} because of what runs
        </strong>
      </p>
      <Table
        label="What stays because it runs"
        columns={keptColumns}
        items={kept}
        keyOf={({ repository, digest }) => `${repository}@${digest}`}
      />
    </div>
  )
}
