import { useState } from 'react'
import { formatSize } from '../format/size.ts'
import { ContentError, type Place, useImage } from '../image/content.ts'
import type { Texts } from '../image/manifest.ts'
import { Digest } from '../parts/copy.tsx'
import { SelectField } from '../parts/field.tsx'
import { Panel } from '../parts/page.tsx'
import { Failure, Loading } from '../parts/states.tsx'
import { Moment } from '../parts/time.tsx'

/** What an image is made of, one platform at a time. */
export function Content({ place, digest }: { place: Place; digest: string }) {
  const [platform, setPlatform] = useState<string>()
  const { data, error } = useImage(place, digest, platform)
  if (error instanceof ContentError) return null
  return (
    <Panel title="Content" flush>
      {error !== null ? (
        <Failure error={error} />
      ) : data === undefined ? (
        <Loading />
      ) : (
        <>
          {data.platforms !== null && data.platforms.length > 1 && (
            <div className="compared">
              <SelectField
                label="Platform"
                value={data.platform ?? ''}
                choices={data.platforms.map((value) => ({ value, label: value }))}
                onChange={(event) => setPlatform(event.target.value)}
              />
            </div>
          )}
          {data.config?.created != null && !Number.isNaN(Date.parse(data.config.created)) && (
            <p className="lead soft">
              Built <Moment at={data.config.created} />
              {data.platform !== null && ` for ${data.platform}`}
            </p>
          )}
          <h3 className="group">
            Layers, {formatSize(data.image.layers.reduce((sum, { size }) => sum + size, 0))}
          </h3>
          <ul className="layers">
            {data.image.layers.map((layer, position) => (
              <li key={position}>
                <span className="mark" />
                <Digest digest={layer.digest} />
                <span className="change" />
                <span className="number size">{formatSize(layer.size)}</span>
              </li>
            ))}
          </ul>
          <TextList name="Configuration" texts={data.config?.settings ?? {}} />
          <TextList name="Environment" texts={data.config?.env ?? {}} />
          <TextList name="Labels" texts={data.config?.labels ?? {}} />
          <TextList name="Annotations" texts={data.image.annotations} />
        </>
      )}
    </Panel>
  )
}

function TextList({ name, texts }: { name: string; texts: Texts }) {
  const entries = Object.entries(texts)
  if (entries.length === 0) return null
  return (
    <>
      <h3 className="group">{name}</h3>
      <ul className="texts">
        {entries.map(([key, value]) => (
          <li key={key}>
            <code className="name">{key}</code>
            <code className="breaks">{value}</code>
          </li>
        ))}
      </ul>
    </>
  )
}
