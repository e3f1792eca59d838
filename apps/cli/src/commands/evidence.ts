import fs from 'node:fs'
import type { EvidenceItem } from '@sluice/contract'
import type { Command } from 'commander'
import { connect } from '../connect.ts'
import { define } from '../define.ts'
import { CliError, reasonOf } from '../errors.ts'
import { fields, table } from '../output.ts'
import { collect, more, parseLimit } from '../pages.ts'
import type { Shell } from '../shell.ts'

export function evidence(shell: Shell): Command {
  return define(
    'evidence',
    'what is known of an image: tests, SBOMs, scans, provenance, signatures',
    'sluice evidence add trivy.json --digest sha256:…',
  )
    .addCommand(addEvidence(shell))
    .addCommand(listEvidence(shell))
    .addCommand(getEvidence(shell))
}

const show = ({
  id,
  digest,
  type,
  format,
  claimedAt,
  receivedAt,
  receivedBy,
  verified,
}: EvidenceItem): string[] =>
  fields({
    evidence: id,
    digest,
    type: `${type} (${format})`,
    made: claimedAt,
    received: receivedAt,
    by: receivedBy,
    signed: verified === null ? 'by no key that a lane knows' : `by ${verified}`,
  })

const addEvidence = (shell: Shell): Command =>
  define(
    'add',
    'store evidence: a DSSE attestation, Sigstore bundle, Trivy, Grype, SARIF, CycloneDX, SPDX, OpenVEX or JUnit file',
    'sluice evidence add junit.xml --digest sha256:…',
  )
    .argument('<file>', 'the file')
    .option('--digest <digest>', 'the image it is about; needed where the file does not say')
    .option('--type <type>', 'refuse the file when it is something else, as test, sbom or trivy')
    .action(async (file: string, options: { digest?: string; type?: string }, command: Command) => {
      const content = readText(file)
      const { client, output } = connect(shell, command)
      const { status, body: stored } = await client.send('addEvidence', { body: { ...options, content } })
      if (status === 200) output.note(`evidence ${stored.id} was already there`)
      output.show(stored, () => show(stored))
    })

function readText(file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(fs.readFileSync(file))
  } catch (cause) {
    throw new CliError('usage', `${file} cannot be read as UTF-8 text: ${reasonOf(cause)}`, { cause })
  }
}

const listEvidence = (shell: Shell): Command =>
  define('list', 'all evidence about a digest, newest first', 'sluice evidence list sha256:…')
    .argument('<digest>', 'the digest of an image')
    .option('--limit <n>', 'how many at most', parseLimit, 50)
    .action(async (digest: string, { limit }: { limit: number }, command: Command) => {
      const { client, output } = connect(shell, command)
      const page = await collect(limit, (query) => client.listEvidence({ query: { ...query, digest } }))
      const rows = page.items.map(({ id, type, format, receivedAt, receivedBy, verified }) => [
        id,
        type,
        format,
        receivedAt,
        receivedBy ?? '',
        verified ?? '',
      ])
      output.show(page, () => [
        ...table(['ID', 'TYPE', 'FORMAT', 'RECEIVED', 'BY', 'SIGNED BY'], rows),
        ...more(page),
      ])
    })

const getEvidence = (shell: Shell): Command =>
  define('get', 'the raw content of one piece', 'sluice evidence get 0198…')
    .argument('<id>', 'its id')
    .action(async (id: string, _options: object, command: Command) => {
      const { client, output } = connect(shell, command)
      const found = await client.getEvidence({ params: { id } })
      output.show(found, () => [found.content])
    })
