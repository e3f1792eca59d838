import type { EvidenceItem } from '@sluice/contract'
import { useQuery } from '@tanstack/react-query'
import { compareTexts } from '../image/compare.ts'
import { Chip } from '../parts/chip.tsx'
import { TextChanges } from '../parts/text-changes.tsx'
import { asTexts, readPackages } from './packages.ts'
import { contentQuery, evidenceQuery } from './queries.ts'
import { compareFindings, type Finding, findingsOf } from './summary.ts'

/** Packages and vulnerabilities that came and went, where both images have been looked into. */
export function EvidenceChanges({ before, after }: { before: readonly string[]; after: readonly string[] }) {
  const [was, is] = [useQuery(evidenceQuery(before)).data, useQuery(evidenceQuery(after)).data]
  if (was === undefined || is === undefined) return null
  const [scanBefore, scanAfter] = [newest(was, 'vulnerabilities'), newest(is, 'vulnerabilities')]
  const [sbomBefore, sbomAfter] = [newest(was, 'sbom'), newest(is, 'sbom')]
  return (
    <>
      {scanBefore !== undefined && scanAfter !== undefined && (
        <Vulnerabilities before={scanBefore} after={scanAfter} />
      )}
      {sbomBefore !== undefined && sbomAfter !== undefined && (
        <Packages before={sbomBefore.id} after={sbomAfter.id} />
      )}
    </>
  )
}

const newest = (evidence: readonly EvidenceItem[], kind: string) =>
  evidence.find(({ summary }) => summary.kind === kind)

function Vulnerabilities({ before, after }: { before: EvidenceItem; after: EvidenceItem }) {
  const { fixed, found, kept } = compareFindings(findingsOf(before.summary), findingsOf(after.summary))
  return (
    <>
      <h3 className="group">Vulnerabilities</h3>
      <ul className="texts">
        <Findings name={`${found.length} new`} findings={found} bad />
        <Findings name={`${fixed.length} fixed`} findings={fixed} />
        <li>
          <strong>{kept} in both</strong>
        </li>
      </ul>
    </>
  )
}

const SHOWN = 30

function Findings({
  name,
  findings,
  bad = false,
}: {
  name: string
  findings: readonly Finding[]
  bad?: boolean
}) {
  return (
    <li>
      <strong>{name}</strong>
      <span className="row">
        {findings.slice(0, SHOWN).map(({ id, severity, package: of }) => (
          <span key={`${id} ${of}`} title={`${severity}, in ${of}`}>
            <Chip
              tone={bad ? (severity === 'critical' || severity === 'high' ? 'bad' : 'wait') : 'good'}
              plain
            >
              {id}
            </Chip>
          </span>
        ))}
        {findings.length > SHOWN && <span className="soft small">and {findings.length - SHOWN} more</span>}
      </span>
    </li>
  )
}

function Packages({ before, after }: { before: string; after: string }) {
  const [was, is] = [useQuery(contentQuery(before)).data, useQuery(contentQuery(after)).data]
  if (was === undefined || is === undefined) return null
  const [old, now] = [readPackages(was.content), readPackages(is.content)]
  if (old === null || now === null) return null
  const changes = compareTexts(asTexts(old), asTexts(now))
  return changes.length === 0 ? null : <TextChanges name="Packages" changes={changes} />
}
