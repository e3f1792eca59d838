import type { GateReport } from '@sluice/contract'
import { VerdictChip } from '../parts/chip.tsx'
import { Panel } from '../parts/page.tsx'
import { Moment } from '../parts/time.tsx'

const NAMES: Readonly<Record<string, string>> = {
  quorum: 'Approvals',
  requester: 'Requester excluded',
  tagRule: 'Target tags follow the rule',
  soak: 'Time in the from feed',
  sbom: 'SBOM',
  vex: 'VEX statements',
}

/** `testResult` as "Test result": gates of which this app knows nothing more. */
export function gateName(gate: string): string {
  const words = gate.replace(/([a-z0-9])([A-Z])/g, '$1 $2').toLowerCase()
  return NAMES[gate] ?? words.charAt(0).toUpperCase() + words.slice(1)
}

const ORDER: Record<GateReport['verdict'], number> = { block: 0, wait: 1, pass: 2 }

/** What stands in the way comes first. */
export function Gates({ gates }: { gates: readonly GateReport[] }) {
  // A broken glass asks none.
  if (gates.length === 0) return null
  const passed = gates.filter(({ verdict }) => verdict === 'pass').length
  return (
    <Panel
      title="Gates"
      flush
      aside={
        <span className="soft small">
          {passed} of {gates.length} pass
        </span>
      }
    >
      <ul className="gates">
        {gates
          .toSorted((a, b) => ORDER[a.verdict] - ORDER[b.verdict])
          .map((gate) => (
            <Gate key={gate.gate} gate={gate} />
          ))}
      </ul>
    </Panel>
  )
}

function Gate({ gate: { gate, verdict, reasons, inputs, until } }: { gate: GateReport }) {
  return (
    <li>
      <div className="gate">
        <strong className="breaks">{gateName(gate)}</strong>
        <VerdictChip verdict={verdict} />
      </div>
      {reasons.map((reason) => (
        <p key={reason} className="breaks small">
          {reason}
        </p>
      ))}
      {until !== null && (
        <p className="small soft">
          Passes by itself <Moment at={until} />
        </p>
      )}
      <details>
        <summary className="small">What was looked at</summary>
        <pre className="inputs">{JSON.stringify(inputs, null, 2)}</pre>
      </details>
    </li>
  )
}
