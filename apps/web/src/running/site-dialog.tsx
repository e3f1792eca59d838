import type { Site } from '@sluice/contract'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { words } from '../format/words.ts'
import { Dialog } from '../parts/dialog.tsx'
import { TextArea, TextField } from '../parts/field.tsx'
import { Form, useAction } from '../parts/form.tsx'
import { client } from '../session/client.ts'

/** A new site, or the settings of one; null closes it. */
export function SiteDialog({ site, onClose }: { site: 'new' | Site | null; onClose: () => void }) {
  const title = site === null || site === 'new' ? 'New site' : `Site ${site.name}`
  return (
    <Dialog title={title} open={site !== null} onClose={onClose}>
      {site !== null && <Edit site={site === 'new' ? null : site} onClose={onClose} />}
    </Dialog>
  )
}

const CHANGED = { refresh: ['sites', 'running', 'recalls'] as const }

function Edit({ site, onClose }: { site: Site | null; onClose: () => void }) {
  const navigate = useNavigate()
  const [name, setName] = useState('')
  const [reporters, setReporters] = useState(site?.reporters?.join('\n') ?? '')
  const [hours, setHours] = useState(String(site?.staleAfterHours ?? 24))
  const settings = { reporters: words(reporters), staleAfterHours: Number(hours) }
  const save = useAction(
    () =>
      site === null
        ? client().createSite({ body: { name, ...settings } })
        : client().updateSite({ params: { site: site.name }, body: settings }),
    { ...CHANGED, done: onClose },
  )
  const remove = useAction(() => client().deleteSite({ params: { site: site?.name ?? '' } }), {
    ...CHANGED,
    done: () => navigate({ to: '/running' }),
  })
  return (
    <Form
      action={save}
      does="Save"
      onClose={onClose}
      refused={remove.error}
      beside={
        site !== null && (
          <button type="button" className="button danger" disabled={remove.pending} onClick={remove.run}>
            Delete the site
          </button>
        )
      }
    >
      {site === null ? (
        <TextField
          label="Name"
          hint="A cluster, cluster.namespace or host"
          required
          value={name}
          wrong={save.wrong('name')}
          onChange={(event) => setName(event.target.value)}
        />
      ) : (
        <p className="soft small">
          Deleted, it reports no more, and what it ran is no longer kept from retention. Its history stays.
        </p>
      )}
      <TextArea
        label="Reporters"
        hint="robot:NAME, user:NAME or group:NAME, one a line: they report, and read the whole report"
        value={reporters}
        wrong={save.wrong('reporters')}
        onChange={(event) => setReporters(event.target.value)}
      />
      <TextField
        label="Stale after hours"
        type="number"
        min={1}
        max={8760}
        required
        value={hours}
        wrong={save.wrong('staleAfterHours')}
        onChange={(event) => setHours(event.target.value)}
      />
    </Form>
  )
}
