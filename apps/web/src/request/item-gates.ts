import type { GateReport, RequestItem } from '@sluice/contract'

type Judged = Pick<RequestItem, 'source' | 'digest'>

/** What a gate has against one item of a set. */
export type Against = Pick<GateReport, 'gate' | 'verdict'> & { readonly reasons: readonly string[] }

/** Gates that stand in the way of this very item: their reasons begin with the image, as `repository@digest`. */
export function gatesAgainst(gates: readonly GateReport[], { source, digest }: Judged): Against[] {
  const named = `${source.repository}@${digest}`
  return gates.flatMap(({ gate, verdict, reasons }) => {
    if (verdict === 'pass') return []
    const own = reasons.flatMap((reason) =>
      reason.startsWith(named) ? reason.slice(named.length).replace(/^:? /, '') : [],
    )
    return own.length === 0 ? [] : { gate, verdict, reasons: own }
  })
}
