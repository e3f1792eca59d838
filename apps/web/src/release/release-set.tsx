import type { Evaluation, Lane } from '@sluice/contract'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { lanesQuery } from '../feeds/queries.ts'
import { SelectField, TextArea } from '../parts/field.tsx'
import { Form, useAction } from '../parts/form.tsx'
import { PageHead, Panel } from '../parts/page.tsx'
import { Await, Empty } from '../parts/states.tsx'
import { Gates } from '../request/gates.tsx'
import { laneChoices, useOpened } from '../request/opened.ts'
import { client } from '../session/client.ts'
import { may, useMe } from '../session/me.ts'
import { type Asked, itemsOf, MOST_IMAGES, readAsked, writeAsked } from './asked.ts'
import { Images } from './images.tsx'
import { Picker } from './picker.tsx'
import { TryGates } from '../request/try-gates.tsx'

/** Asks for several images at once: they are approved together, and land together or not at all. */
export function ReleaseSet() {
  const me = useMe()
  const lanes = useQuery(lanesQuery)
  return (
    <>
      <PageHead
        title="Ask for several images"
        crumbs={[
          <Link key="inbox" to="/">
            Inbox
          </Link>,
        ]}
      >
        <p>A release set is approved once, by the digest over all of it, and lands as a whole.</p>
      </PageHead>
      <Await query={lanes}>
        {(all) => {
          const open = all.filter(({ from, to }) => may(me, 'pull', from) && may(me, 'request', to))
          return open.length > 0 ? (
            <Together lanes={open} />
          ) : (
            <div className="panel">
              <Empty title="No lane is open to you">
                <p>An administrator grants you pull on its first feed, and request on its second.</p>
              </Empty>
            </div>
          )
        }}
      </Await>
    </>
  )
}

function Together({ lanes }: { lanes: readonly Lane[] }) {
  const search = useSearch({ from: '/shell/requests/new' })
  const navigate = useNavigate({ from: '/requests/new' })
  const [asked, setAsked] = useState<readonly Asked[]>(() => readAsked(search.image ?? []))
  const [reason, setReason] = useState(search.reason ?? '')
  const lane = lanes.find(({ name }) => name === search.lane) ?? lanes[0]
  const name = lane?.name ?? ''
  const body = {
    lane: name,
    items: itemsOf(asked),
    ...(reason.trim() !== '' && { reason: reason.trim() }),
  }
  const evaluate = useAction(() => client().evaluateRequest({ body }))
  const ask = useAction(() => client().createRequest({ body }), { done: useOpened() })
  // What is put together stays in the address: it can be sent to somebody else, and is there after a reload.
  const image = writeAsked(asked).join('\n')
  useEffect(() => {
    void navigate({
      search: ({ image: _, ...now }) => (image === '' ? now : { ...now, image: image.split('\n') }),
      replace: true,
      resetScroll: false,
    })
  }, [navigate, image])
  const change = (next: readonly Asked[]) => {
    evaluate.reset()
    ask.reset()
    setAsked(next)
  }
  const wrong = (field: string) => ask.wrong(field) ?? evaluate.wrong(field)
  const evaluation: Evaluation | undefined = evaluate.answer
  return (
    <div className="request" data-state="NEW">
      <div className="stack">
        <Panel title={asked.length === 0 ? 'Images' : `Images, ${asked.length}`} flush>
          <Images
            asked={asked}
            to={lane?.to ?? ''}
            evaluation={evaluation}
            wrong={(position) => wrong(`items[${position}]`)}
            onChange={change}
          />
          {asked.length < MOST_IMAGES && lane !== undefined && (
            <Picker
              feed={lane.from}
              onPick={(picked) => {
                if (asked.every((one) => one.image !== picked))
                  change([...asked, { image: picked, tags: '' }])
              }}
            />
          )}
        </Panel>
      </div>
      <div className="stack aside">
        <Panel title="Ask">
          <Form
            action={ask}
            does={asked.length > 1 ? `Ask for all ${asked.length}` : 'Ask'}
            ready={asked.length > 0}
            refused={evaluate.error}
            beside={<TryGates evaluate={evaluate} ask={ask} ready={asked.length > 0} />}
          >
            <SelectField
              label="Lane"
              value={name}
              wrong={wrong('lane')}
              choices={laneChoices(lanes)}
              onChange={(event) => {
                change(asked)
                void navigate({ search: (now) => ({ ...now, lane: event.target.value }), replace: true })
              }}
            />
            <TextArea
              label="Why"
              hint="What whoever decides should know"
              maxLength={4000}
              value={reason}
              wrong={wrong('reason')}
              onChange={(event) => setReason(event.target.value)}
            />
          </Form>
        </Panel>
        {evaluation !== undefined && <Gates gates={evaluation.gates} />}
      </div>
    </div>
  )
}
