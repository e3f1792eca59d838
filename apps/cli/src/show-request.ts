import type { Request, RequestItem } from '@sluice/contract'
import { CliError } from './errors.ts'
import { stage } from './follow.ts'
import { fields } from './output.ts'

/** A request as people read it, with what to do next. */
export function showRequest(request: Request): string[] {
  const { lane, approvals, gates, promotion } = request
  return [
    ...fields({
      request: request.id,
      kind: request.kind === 'promote' ? null : request.kind,
      state: request.state,
      lane: `${lane.name} v${lane.version} (${lane.from} → ${lane.to})`,
      requester: request.requester,
      reason: request.reason,
      created: request.createdAt,
      expires: request.state === 'PENDING' ? request.expiresAt : null,
    }),
    ...(request.breakGlass === null ? [] : showBreakGlass(request.breakGlass)),
    ...Object.entries(request.links).map(([name, link]) => `link       ${name}: ${link}`),
    ...request.items.flatMap(showItem),
    ...gates.map(({ gate, verdict, reasons }) =>
      `gate       ${verdict.padEnd(5)} ${gate}  ${reasons.join('; ')}`.trimEnd(),
    ),
    ...approvals
      .filter(({ revokedAt }) => revokedAt === null)
      .map(({ decision, person, at, comment }) =>
        `decision   ${decision} by ${person} at ${at}  ${comment ?? ''}`.trimEnd(),
      ),
    ...(promotion === null ? [] : [`promotion  ${stage({ state: 'APPROVED', promotion })}`]),
    ...next(request),
  ]
}

function showBreakGlass({ by, at, reviews, needsReview }: NonNullable<Request['breakGlass']>): string[] {
  return [
    `GLASS      broken by ${by} at ${at}${needsReview ? ': needs review' : ''}`,
    ...reviews.map(({ person, at: when, comment }) => `review     by ${person} at ${when}  ${comment}`),
  ]
}

function showItem({ source, target, digest, platforms, closure, drift }: RequestItem): string[] {
  const tags = target.tags.map(({ tag }) => tag).join(',')
  const from = `${source.feed}/${source.repository}${source.tag === null ? '' : `:${source.tag}`}`
  const made = `${closure.manifests} manifests, ${closure.blobs} blobs, ${closure.bytes} bytes`
  return [
    `image      ${from} → ${target.feed}/${target.repository}:${tags}`,
    `digest     ${digest}`,
    `content    ${[platforms.join(' '), made].filter((part) => part !== '').join('; ')}`,
    ...target.tags.flatMap(({ tag, expected }) =>
      expected === null || expected === digest ? [] : [`moves      ${tag} from ${expected}`],
    ),
    ...(drift === null
      ? []
      : [
          `drift      ${source.tag ?? ''} now points at ${drift.to ?? 'nothing'}; the digest above is promoted`,
        ]),
  ]
}

function next({ id, state, promotion, items, setDigest }: Request): string[] {
  if (state === 'PENDING') {
    const pinned = items.length === 1 ? items[0]?.digest : setDigest
    return [`next       sluice approve ${id} --digest ${pinned}`]
  }
  if (promotion?.state === 'ERRORED') return [`next       sluice retry ${id}`]
  return items.flatMap(({ pullCommand }) => (pullCommand === null ? [] : [`pull       ${pullCommand}`]))
}

/** Ends the command by how the request ended. @throws CliError `refused` or `failed` unless it was promoted */
export function outcome({ id, state, promotion, approvals }: Request): void {
  if (promotion?.state === 'SUCCEEDED') return
  if (promotion?.state === 'ERRORED') {
    throw new CliError('failed', `the promotion broke: ${promotion.error?.message ?? 'no reason given'}`, {
      details: [`Run it again: sluice retry ${id}`],
    })
  }
  if (promotion?.state === 'FAILED') {
    throw new CliError('refused', `a rule refused the promotion: ${promotion.error?.message ?? ''}`, {
      details: ['It needs a new request.'],
    })
  }
  const no = approvals.find(({ decision, revokedAt }) => decision === 'reject' && revokedAt === null)
  const why = state === 'REJECTED' && no !== undefined ? ` by ${no.person}: ${no.comment ?? ''}` : ''
  throw new CliError('refused', `request ${id} is ${promotion?.state ?? state}${why}`)
}
