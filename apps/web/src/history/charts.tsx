import type { Week } from '@sluice/contract'
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { feedsQuery } from '../feeds/queries.ts'
import { formatDuration } from '../format/time.ts'
import { SelectField } from '../parts/field.tsx'
import { PageHead, Panel } from '../parts/page.tsx'
import { Await, Empty } from '../parts/states.tsx'
import { client, statusOf } from '../session/client.ts'
import { HistoryTabs } from './history-tabs.tsx'

const WEEKS = 12

type Measure = {
  readonly title: string
  readonly of: (week: Week) => number | null
  readonly words: (value: number) => string
  /** The top of the chart, where it is not its highest value. */
  readonly most?: number
  readonly bad?: boolean
}

const measures: readonly Measure[] = [
  { title: 'Promotions a week', of: ({ promoted }) => promoted, words: String },
  {
    title: 'Failed of all that ended',
    of: ({ promoted, failed }) => (promoted + failed === 0 ? null : failed / (promoted + failed)),
    words: (share) => `${Math.round(share * 100)} %`,
    most: 1,
    bad: true,
  },
  { title: 'From request to trusted, median', of: ({ lead }) => lead, words: formatDuration },
  { title: 'Wait for a decision, median', of: ({ wait }) => wait, words: formatDuration },
]

export function Charts() {
  const { feed } = useSearch({ from: '/shell/history/charts' })
  const navigate = useNavigate({ from: '/history/charts' })
  const feeds = useQuery(feedsQuery)
  const found = useQuery({
    queryKey: ['weeks', feed ?? null],
    queryFn: () => weeksOf(feed),
    staleTime: 60_000,
  })
  return (
    <>
      <PageHead title="Charts">
        <p>
          The last {WEEKS} weeks of all that you may see, by the week in which a promotion ended or a request
          was decided{found.data?.zone === 'UTC' ? ', in UTC' : ''}.
        </p>
      </PageHead>
      <HistoryTabs />
      {(feeds.data?.length ?? 0) > 1 && (
        <search className="filters">
          <SelectField
            label="Into the feed"
            value={feed ?? ''}
            choices={[
              { value: '', label: 'All feeds' },
              ...(feeds.data ?? []).map(({ name }) => ({ value: name, label: name })),
            ]}
            onChange={({ target: { value } }) =>
              void navigate({ search: value === '' ? {} : { feed: value }, replace: true })
            }
          />
        </search>
      )}
      <Await query={found}>
        {({ weeks }) =>
          weeks.every(({ promoted, failed, wait }) => promoted + failed === 0 && wait === null) ? (
            <div className="panel">
              <Empty title="Nothing was promoted in these weeks" />
            </div>
          ) : (
            <div className="stack">
              <div className="halves">
                {measures.map((measure) => (
                  <Chart key={measure.title} measure={measure} weeks={weeks} />
                ))}
              </div>
              <Figures weeks={weeks} />
            </div>
          )
        }
      </Await>
    </>
  )
}

/** Weeks as the viewer lives them; where the service does not know that zone, those of UTC. */
async function weeksOf(feed: string | undefined): Promise<{ zone: string; weeks: readonly Week[] }> {
  const ask = async (zone: string) => {
    const query = { zone, weeks: WEEKS, ...(feed !== undefined && { feed }) }
    return { zone, weeks: (await client().getWeeks({ query })).weeks }
  }
  const own = new Intl.DateTimeFormat().resolvedOptions().timeZone
  return ask(own).catch((error: unknown) => {
    if (statusOf(error) === 400 && own !== 'UTC') return ask('UTC')
    throw error
  })
}

const [WIDTH, HEIGHT, FOOT] = [480, 150, 18]

function Chart({
  measure: { title, of, words, most, bad },
  weeks,
}: {
  measure: Measure
  weeks: readonly Week[]
}) {
  const values = weeks.map(of)
  const top = most ?? Math.max(1, ...values.map((one) => one ?? 0))
  const step = WIDTH / weeks.length
  const last = values.findLast((one) => one !== null)
  return (
    <Panel title={title} aside={last != null && <strong className="number">{words(last)}</strong>}>
      {/* The figures are in the table below, where they can be read one by one. */}
      <svg className="chart" viewBox={`0 0 ${WIDTH} ${HEIGHT + FOOT}`} aria-hidden="true">
        <line x1="0" y1={HEIGHT} x2={WIDTH} y2={HEIGHT} />
        {values.map((one, at) => {
          const height = one === null ? 0 : Math.max(one > 0 ? 2 : 0, (one / top) * (HEIGHT - 20))
          return (
            <g key={weeks[at]?.monday}>
              <title>{`Week of ${weeks[at]?.monday}: ${one === null ? 'none' : words(one)}`}</title>
              <rect x={at * step} y="0" width={step} height={HEIGHT} fill="transparent" />
              <rect
                className={bad === true ? 'fill bad' : 'fill'}
                x={at * step + step * 0.18}
                y={HEIGHT - height}
                width={step * 0.64}
                height={height}
                rx="2"
              />
            </g>
          )
        })}
        {weeks.map(
          ({ monday }, at) =>
            at % 3 === 0 && (
              <text key={monday} x={at * step + step / 2} y={HEIGHT + 14} textAnchor="middle">
                {monday.slice(5)}
              </text>
            ),
        )}
      </svg>
    </Panel>
  )
}

/** The same in words: what a chart shows to the eye alone. */
function Figures({ weeks }: { weeks: readonly Week[] }) {
  return (
    <section className="scrolls" aria-label="The weeks in figures" tabIndex={0}>
      <table className="matrix">
        <thead>
          <tr>
            <th scope="col">Week of</th>
            {measures.map(({ title }) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {weeks.toReversed().map((week) => (
            <tr key={week.monday}>
              <th scope="row">{week.monday}</th>
              {measures.map(({ title, of, words }) => {
                const value = of(week)
                return (
                  <td key={title} className="number">
                    {value === null ? <span className="soft">none</span> : words(value)}
                  </td>
                )
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
