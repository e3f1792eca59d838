import type { Remote } from '@sluice/contract'
import { SelectField, TextArea, TextField } from '../parts/field.tsx'
import type { Settings } from './settings.ts'

type Fields = {
  readonly given: Settings
  readonly onChange: (given: Settings) => void
  readonly wrong: (field: string) => string | undefined
  /** What is set already; null for a new feed. */
  readonly remote: Remote | null
}

/** How a registry is reached: its address and sign-in first, what few need below. */
export function RegistryFields(props: Fields) {
  const { given, onChange, wrong, remote } = props
  return (
    <>
      <TextField
        label="Registry"
        required
        type="url"
        placeholder="https://ghcr.io"
        hint="Scheme, host and port"
        value={given.url}
        wrong={wrong('remote.url')}
        onChange={(event) => onChange({ ...given, url: event.target.value })}
      />
      <TextField
        label="Prefix"
        placeholder="organisation/project"
        hint="Before the names of repositories there; empty for none"
        value={given.prefix}
        wrong={wrong('remote.prefix')}
        onChange={(event) => onChange({ ...given, prefix: event.target.value })}
      />
      <SignIn {...props} />
      <details className="more">
        <summary>Repositories, certificates, proxy, other hosts, bandwidth</summary>
        <div className="stack">
          <TextArea
            label="Repositories"
            hint="To be listed, one a line: a registry elsewhere is not asked for its list. Others can be asked for by name"
            rows={2}
            spellCheck={false}
            value={given.repositories}
            wrong={wrong('remote.repositories')}
            onChange={(event) => onChange({ ...given, repositories: event.target.value })}
          />
          <TextArea
            label="Token servers"
            hint="Origins beside its own that may hand out its tokens, one a line"
            rows={2}
            value={given.realms}
            wrong={wrong('remote.realmAllowList')}
            onChange={(event) => onChange({ ...given, realms: event.target.value })}
          />
          <TextArea
            label="Certificate authority"
            hint="PEM; beside the public ones"
            rows={3}
            spellCheck={false}
            value={given.ca}
            wrong={wrong('remote.ca')}
            onChange={(event) => onChange({ ...given, ca: event.target.value })}
          />
          <ClientCertificate {...props} />
          <TextField
            label="Proxy"
            placeholder="http://proxy.example:3128"
            value={given.proxy}
            wrong={wrong('remote.proxy')}
            onChange={(event) => onChange({ ...given, proxy: event.target.value })}
          />
          <TextField
            label="Hosts inside the network"
            hint="May have a private address; separated by spaces"
            value={given.privateHosts}
            wrong={wrong('remote.privateHosts')}
            onChange={(event) => onChange({ ...given, privateHosts: event.target.value })}
          />
          <TextField
            label="Hosts without TLS"
            hint="Empty: those on this machine only"
            value={given.plainHosts}
            wrong={wrong('remote.plainHttp')}
            onChange={(event) => onChange({ ...given, plainHosts: event.target.value })}
          />
          <TextField
            label="Megabytes a second"
            type="number"
            min={0.01}
            step="any"
            hint="Empty: as fast as it goes"
            value={given.bandwidth}
            wrong={wrong('remote.bandwidth')}
            onChange={(event) => onChange({ ...given, bandwidth: event.target.value })}
          />
        </div>
      </details>
      {remote?.credentials != null && given.signIn === 'keep' && (
        <p className="soft small">
          What says where the credentials go (registry, token servers, authority, proxy, TLS) is changed
          together with them: give them once more.
        </p>
      )}
    </>
  )
}

function SignIn({ given, onChange, wrong, remote }: Fields) {
  const set = remote?.credentials ?? null
  const kept =
    set === null
      ? []
      : [
          {
            value: 'keep',
            label:
              set.type === 'basic'
                ? `As set: ${set.username}, password not shown`
                : 'As set: identity token, not shown',
          },
        ]
  return (
    <>
      <SelectField
        label="Sign-in"
        value={given.signIn}
        wrong={wrong('remote.credentials')}
        choices={[
          ...kept,
          { value: 'basic', label: 'User name and password, or access token' },
          { value: 'refresh', label: 'Identity token' },
          { value: 'none', label: 'None: public images' },
        ]}
        onChange={(event) =>
          onChange({
            ...given,
            signIn:
              (['keep', 'basic', 'refresh', 'none'] as const).find((one) => one === event.target.value) ??
              'none',
          })
        }
      />
      {given.signIn === 'basic' && (
        <>
          <TextField
            label="User name there"
            required
            autoComplete="off"
            autoCapitalize="none"
            value={given.username}
            onChange={(event) => onChange({ ...given, username: event.target.value })}
          />
          <TextField
            label="Password there"
            required
            type="password"
            autoComplete="new-password"
            hint="Kept sealed; nobody reads it here again"
            value={given.password}
            onChange={(event) => onChange({ ...given, password: event.target.value })}
          />
        </>
      )}
      {given.signIn === 'refresh' && (
        <TextField
          label="Identity token"
          required
          type="password"
          autoComplete="new-password"
          hint="Kept sealed; nobody reads it here again"
          value={given.refreshToken}
          onChange={(event) => onChange({ ...given, refreshToken: event.target.value })}
        />
      )}
    </>
  )
}

function ClientCertificate({ given, onChange, wrong, remote }: Fields) {
  const kept = remote?.clientCertificate == null ? [] : [{ value: 'keep', label: 'As set, key not shown' }]
  return (
    <>
      <SelectField
        label="Client certificate"
        value={given.certificate}
        wrong={wrong('remote.clientCertificate')}
        choices={[...kept, { value: 'none', label: 'None' }, { value: 'given', label: 'Give one' }]}
        onChange={(event) =>
          onChange({
            ...given,
            certificate:
              (['keep', 'given', 'none'] as const).find((one) => one === event.target.value) ?? 'none',
          })
        }
      />
      {given.certificate === 'given' && (
        <>
          <TextArea
            label="Certificate"
            required
            rows={3}
            spellCheck={false}
            value={given.cert}
            onChange={(event) => onChange({ ...given, cert: event.target.value })}
          />
          <TextArea
            label="Its key"
            required
            rows={3}
            spellCheck={false}
            hint="PEM; kept sealed, nobody reads it here again"
            value={given.key}
            onChange={(event) => onChange({ ...given, key: event.target.value })}
          />
        </>
      )}
    </>
  )
}
