import type { RequestItem } from '@sluice/contract'
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { EvidenceChanges } from '../evidence/changes.tsx'
import { tagsQuery } from '../feeds/queries.ts'
import { formatChange, formatSize } from '../format/size.ts'
import { pickBaseline } from '../image/baseline.ts'
import { compareLayers, comparePlatforms, compareTexts } from '../image/compare.ts'
import { ContentError, type ImageContent, type Place, useImage } from '../image/content.ts'
import type { Texts } from '../image/manifest.ts'
import { Chip } from '../parts/chip.tsx'
import { Digest } from '../parts/copy.tsx'
import { SelectField } from '../parts/field.tsx'
import { Panel } from '../parts/page.tsx'
import { Failure, Loading } from '../parts/states.tsx'
import { TextChanges } from '../parts/text-changes.tsx'
import { sourceName } from './naming.ts'

const NOTHING = 'none'

/** What of an item differs from what its target has now. */
export function Changes({ item, ofSet }: { item: RequestItem; ofSet: boolean }) {
  const { source, target, digest } = item
  const search = useSearch({ from: '/shell/requests/$id' })
  const navigate = useNavigate({ from: '/requests/$id' })
  const tags = useQuery(tagsQuery(target.feed, target.repository))
  const picked = tags.data === undefined ? undefined : pickBaseline({ tags: target.tags, digest }, tags.data)
  const chosen = tags.data?.find(({ tag }) => tag === search.against)
  const against = search.against === NOTHING ? null : (chosen ?? picked)
  const now = useImage(source, digest, search.platform)
  const before = useImage(
    against == null ? null : target,
    against?.digest ?? null,
    search.platform ?? now.data?.platform ?? undefined,
  )
  const set = (change: object) =>
    void navigate({ search: (kept) => ({ ...kept, ...change }), replace: true, resetScroll: false })

  const error = tags.error ?? now.error ?? (against == null ? null : before.error)
  return (
    <Panel
      title={`What changes in ${target.feed}`}
      flush
      aside={ofSet && <span className="soft small breaks">{sourceName(item)}</span>}
    >
      {error !== null ? (
        <Unreadable error={error} />
      ) : now.data === undefined ||
        against === undefined ||
        (against !== null && before.data === undefined) ? (
        <Loading lines={6} what="Comparing" />
      ) : (
        <>
          <div className="compared">
            <SelectField
              label="Compared with"
              value={search.against ?? against?.tag ?? NOTHING}
              choices={[
                ...(picked != null && tags.data?.every(({ tag }) => tag !== picked.tag) === true
                  ? [{ value: picked.tag, label: `${picked.tag} (as it was)` }]
                  : []),
                ...(tags.data ?? [])
                  .filter(({ virtual }) => !virtual)
                  .toReversed()
                  .map(({ tag }) => ({ value: tag, label: `${target.feed}/${target.repository}:${tag}` })),
                { value: NOTHING, label: 'Nothing' },
              ]}
              onChange={(event) => set({ against: event.target.value })}
            />
            {now.data.platforms !== null && now.data.platforms.length > 1 && (
              <SelectField
                label="Platform"
                value={now.data.platform ?? ''}
                choices={now.data.platforms.map((value) => ({ value, label: value }))}
                onChange={(event) => set({ platform: event.target.value })}
              />
            )}
          </div>
          {against === null ? (
            <p className="lead">
              {search.against === NOTHING
                ? 'Everything in the image, compared with nothing.'
                : `${target.feed}/${target.repository} has no other image yet: all of it is new.`}
            </p>
          ) : (
            against.digest === digest && <p className="lead">This is the same digest: nothing changes.</p>
          )}
          <Difference before={before.data ?? null} after={now.data} place={source} />
        </>
      )}
    </Panel>
  )
}

function Unreadable({ error }: { error: unknown }) {
  if (error instanceof ContentError) {
    return (
      <div className="state">
        <p>{error.message}</p>
      </div>
    )
  }
  return <Failure error={error} />
}

function Difference({ before, after }: { before: ImageContent | null; after: ImageContent; place: Place }) {
  const layers = compareLayers(before?.image.layers ?? [], after.image.layers)
  const platforms = comparePlatforms(before?.platforms ?? [], after.platforms ?? [])
  const [was, is] = [textsOf(before), textsOf(after)]
  const groups = GROUPS.map((name) => [name, compareTexts(was[name], is[name]), is[name]] as const)
  const same =
    before === null
      ? []
      : groups
          .filter(([, changes, now]) => changes.length === 0 && Object.keys(now).length > 0)
          .map(([name]) => name.toLowerCase())
  return (
    <>
      <dl className="sums">
        <div>
          <dt>To fetch</dt>
          <dd>{formatSize(layers.added)}</dd>
        </div>
        <div>
          <dt>Shared</dt>
          <dd>{formatSize(layers.shared)}</dd>
        </div>
        <div>
          <dt>Size</dt>
          <dd>
            {formatSize(layers.shared + layers.added)}
            {before !== null && (
              <span className="soft small"> {formatChange(layers.added - layers.removed)}</span>
            )}
          </dd>
        </div>
      </dl>
      {before !== null && platforms.added.length + platforms.removed.length > 0 && (
        <p className="lead row">
          Platforms
          {platforms.added.map((platform) => (
            <Chip key={platform} tone="good" plain>
              + {platform}
            </Chip>
          ))}
          {platforms.removed.map((platform) => (
            <Chip key={platform} tone="bad" plain>
              − {platform}
            </Chip>
          ))}
        </p>
      )}
      {/* What a decision hangs on most comes first. */}
      {before !== null && <EvidenceChanges before={before.digests} after={after.digests} />}
      {groups
        .filter(([, changes]) => changes.length > 0)
        .map(([name, changes]) => (
          <TextChanges key={name} name={name} changes={changes} />
        ))}
      <h3 className="group">Layers</h3>
      <ul className="layers">
        {layers.layers.map(({ layer, change }, position) => (
          <li key={position} data-change={change}>
            <span className="mark" aria-hidden="true">
              {change === 'added' ? '+' : change === 'removed' ? '−' : ''}
            </span>
            <Digest digest={layer.digest} />
            <span className="soft small change">{change}</span>
            <span className="number size">{formatSize(layer.size)}</span>
          </li>
        ))}
      </ul>
      {same.length > 0 && <p className="lead soft">Unchanged: {same.join(', ')}.</p>}
    </>
  )
}

const GROUPS = ['Configuration', 'Environment', 'Labels', 'Annotations'] as const

function textsOf(content: ImageContent | null): Record<(typeof GROUPS)[number], Texts> {
  return {
    Configuration: content?.config?.settings ?? {},
    Environment: content?.config?.env ?? {},
    Labels: content?.config?.labels ?? {},
    Annotations: content?.image.annotations ?? {},
  }
}
