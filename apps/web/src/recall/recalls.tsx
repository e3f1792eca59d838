import { useNavigate, useSearch } from '@tanstack/react-router'
import { FeedTabs } from '../feeds/feed-tabs.tsx'
import { Digest } from '../parts/copy.tsx'
import { SelectField, TextField } from '../parts/field.tsx'
import { PageHead } from '../parts/page.tsx'
import { Await, Empty } from '../parts/states.tsx'
import { useWithdrawals, type Withdrawal } from './queries.ts'
import { WithdrawalActions, WithdrawalChip, WithdrawalFacts } from './withdrawn.tsx'

/** What was withdrawn from trusted feeds: what stands, what was restored, what is gone. */
export function Recalls() {
  const { show = 'standing', find = '' } = useSearch({ from: '/shell/recalls' })
  const navigate = useNavigate({ from: '/recalls' })
  const set = (change: object) => void navigate({ search: (now) => ({ ...now, ...change }), replace: true })
  return (
    <>
      <PageHead title="Recalls">
        <p>
          What was let in and then withdrawn. An image is recalled from its row in a trusted feed, or from its
          digest's page.
        </p>
      </PageHead>
      <FeedTabs />
      <search className="filters">
        <TextField
          label="Find"
          type="search"
          placeholder="digest, repository, reason, person"
          value={find}
          onChange={(event) => set({ find: event.target.value || undefined })}
        />
        <SelectField
          label="Show"
          value={show}
          choices={[
            { value: 'standing', label: 'Those that stand' },
            { value: 'all', label: 'All' },
          ]}
          onChange={(event) => set({ show: event.target.value === 'all' ? 'all' : undefined })}
        />
      </search>
      <Await query={useWithdrawals()}>
        {(all) => {
          const shown = all.filter(
            (one) => (show === 'all' || one.recall.lifted === null) && matches(one, find.toLowerCase()),
          )
          if (shown.length > 0) return <List withdrawals={shown} />
          return (
            <div className="panel">
              {find === '' ? (
                <Empty title={show === 'all' ? 'Nothing was ever recalled' : 'No recall stands'}>
                  <p>All that was let in may be pulled, as far as you may see.</p>
                </Empty>
              ) : (
                <Empty title="No recall matches" />
              )}
            </div>
          )
        }}
      </Await>
    </>
  )
}

function matches({ recall, purge }: Withdrawal, find: string): boolean {
  const places = recall.places.map(({ feed, repository }) => `${feed}/${repository}`)
  return [recall.digest, recall.feed, recall.reason, recall.by, purge?.reason ?? '', ...places].some((text) =>
    text.toLowerCase().includes(find),
  )
}

function List({ withdrawals }: { withdrawals: readonly Withdrawal[] }) {
  return (
    <ul className="stack" aria-label="Recalls">
      {withdrawals.map(({ recall, purge }) => (
        <li key={recall.id} className="panel">
          <header>
            <Digest digest={recall.digest} link />
            <WithdrawalChip recall={recall} purge={purge} />
          </header>
          <div className="body stack tight">
            <WithdrawalFacts recall={recall} purge={purge} />
            <WithdrawalActions recall={recall} purge={purge} />
          </div>
        </li>
      ))}
    </ul>
  )
}
