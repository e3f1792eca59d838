import type { Request } from '@sluice/contract'
import { useQuery } from '@tanstack/react-query'
import { formatDuration } from '../format/time.ts'
import { PageHead, Panel } from '../parts/page.tsx'
import { Await, Empty } from '../parts/states.tsx'
import { client } from '../session/client.ts'
import { HistoryTabs } from './history-tabs.tsx'
import { byWeek, type Week } from './weeks.ts'

const WEEKS = 12
const MOST = 5_000

export function Charts() {
  const requests = useQuery({ queryKey: ['requests', 'charts'], queryFn: recent, staleTime: 60_000 })
  return (
    <>
      <PageHead title="Charts">
        <p>The last {WEEKS} weeks of what you may see, by the week in which a promotion ended.</p>
      </PageHead>
      <HistoryTabs />
      <Await query={requests}>
        {({ items, whole }) => {
          const weeks = byWeek(items, new Date(), WEEKS)
          if (weeks.every(({ promoted, failed, wait }) => promoted + failed === 0 && wait === null)) {
            return (
              <div className="panel">
                <Empty title="Nothing was promoted in these weeks" />
              </div>
            )
          }
          return (
            <div className="stack">
              {!whole && (
                <p className="notice wait">
                  These are the newest {MOST} requests; older ones of these weeks are not counted.
                </p>
              )}
              <div className="halves">
                <Chart
                  title="Promotions a week"
                  weeks={weeks}
                  value={({ promoted }) => promoted}
                  words={String}
                />
                <Chart
                  title="Failed of all that ended"
                  weeks={weeks}
                  bad
                  value={({ promoted, failed }) =>
                    promoted + failed === 0 ? null : failed / (promoted + failed)
                  }
                  words={(share) => `${Math.round(share * 100)} %`}
                  most={1}
                />
                <Chart
                  title="From request to trusted, median"
                  weeks={weeks}
                  value={({ lead }) => lead}
                  words={formatDuration}
                />
                <Chart
                  title="Wait for a decision, median"
                  weeks={weeks}
                  value={({ wait }) => wait}
                  words={formatDuration}
                />
              </div>
            </div>
          )
        }}
      </Await>
    </>
  )
}

async function recent(): Promise<{ items: Request[]; whole: boolean }> {
  // What ended within these weeks may have been asked some time before.
  const since = Date.now() - (WEEKS + 2) * 7 * 86_400_000
  const items: Request[] = []
  let after: string | null = null
  do {
    const page: { items: Request[]; next: string | null } = await client().listRequests({
      query: { limit: 200, ...(after !== null && { after }) },
    })
    items.push(...page.items)
    const last = page.items.at(-1)
    after = last !== undefined && Date.parse(last.createdAt) < since ? null : page.next
  } while (after !== null && items.length < MOST)
  return { items, whole: after === null }
}

const [WIDTH, HEIGHT, FOOT] = [480, 150, 18]

function Chart({
  title,
  weeks,
  value,
  words,
  most,
  bad = false,
}: {
  title: string
  weeks: readonly Week[]
  value: (week: Week) => number | null
  words: (value: number) => string
  most?: number
  bad?: boolean
}) {
  const values = weeks.map(value)
  const top = most ?? Math.max(1, ...values.map((one) => one ?? 0))
  const step = WIDTH / weeks.length
  const said = weeks
    .map(({ monday }, at) => `${monday}: ${values[at] == null ? 'none' : words(values[at])}`)
    .join('; ')
  const last = values.findLast((one) => one !== null)
  return (
    <Panel title={title} aside={last != null && <strong className="number">{words(last)}</strong>}>
      <svg
        className="chart"
        viewBox={`0 0 ${WIDTH} ${HEIGHT + FOOT}`}
        role="img"
        aria-label={`${title}. ${said}`}
      >
        <line x1="0" y1={HEIGHT} x2={WIDTH} y2={HEIGHT} />
        {values.map((one, at) => {
          const height = one === null ? 0 : (one / top) * (HEIGHT - 20)
          return (
            <g key={weeks[at]?.monday}>
              <title>{`Week of ${weeks[at]?.monday}: ${one === null ? 'none' : words(one)}`}</title>
              <rect x={at * step} y="0" width={step} height={HEIGHT} fill="transparent" />
              <rect
                className={bad ? 'fill bad' : 'fill'}
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
