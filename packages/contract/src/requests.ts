import { z } from 'zod'
import { approval } from './approvals.ts'
import { digest, freeText, id, listOf, name, page, repositoryName, tagName, time } from './grammar.ts'
import { promotion, promotionState } from './promotions.ts'
import { requestKinds, requestStates } from './words.ts'

export const requestState = z.enum(requestStates)
export type RequestState = z.infer<typeof requestState>

export const requestKind = z.enum(requestKinds)
export type RequestKind = z.infer<typeof requestKind>

const image = z.string().min(1).max(2048)
const targetTags = z.array(tagName).min(1).max(100)
const target = { targetRepository: repositoryName.optional(), targetTags: targetTags.optional() }

/** One image, or a release set that is approved and promoted as a whole. */
export const requestBody = z
  .strictObject({
    lane: name,
    kind: requestKind.optional(),
    image: image.optional(),
    ...target,
    items: z
      .array(z.strictObject({ image, ...target }))
      .min(1)
      .max(100)
      .optional(),
    reason: freeText.optional(),
    links: z.record(z.string().min(1).max(100), z.string().max(2048)).optional(),
  })
  .superRefine((body, context) => {
    const refuse = (path: string, rule: string, message: string) =>
      context.addIssue({ code: 'custom', path: [path], message, params: { rule } })
    if (body.image === undefined && body.items === undefined) {
      refuse('image', 'required', 'name one image, or several as items')
    }
    if (body.items === undefined) return
    for (const field of ['image', 'targetRepository', 'targetTags'] as const) {
      if (body[field] !== undefined)
        refuse(field, 'exclusive', `${field} belongs into items, which are given`)
    }
  })
export type RequestBody = z.input<typeof requestBody>

/** What is let in without a quorum. */
export const breakGlassBody = z.strictObject({
  lane: name,
  items: z
    .array(z.strictObject({ image, ...target }))
    .min(1)
    .max(100),
  reason: freeText.min(1),
  links: z.record(z.string().min(1).max(100), z.string().max(2048)).optional(),
})
export const reviewBody = z.strictObject({ comment: freeText.min(1) })

/** Sent again with the same key and body within 24 hours, the same request is answered. */
export const idempotencyHeaders = z.object({
  'idempotency-key': z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/, { message: 'a key is 1 to 255 printable characters without spaces' })
    .optional(),
})

export const gateReport = z.object({
  gate: z.string(),
  verdict: z.enum(['pass', 'block', 'wait']),
  reasons: z.array(z.string()),
  inputs: z.record(z.string(), z.unknown()),
  /** When waiting alone will be enough. */
  until: time.nullable(),
})
export type GateReport = z.infer<typeof gateReport>

export const closure = z.object({ manifests: z.int(), blobs: z.int(), bytes: z.int() })
export const drift = z.object({ from: digest, to: digest.nullable(), at: time.nullable() }).nullable()

const content = {
  digest,
  mediaType: z.string(),
  platforms: z.array(z.string()),
  closure,
  drift,
}

export const requestItem = z.object({
  ...content,
  source: z.object({ feed: z.string(), repository: z.string(), tag: z.string().nullable() }),
  target: z.object({
    feed: z.string(),
    /** Of a remote feed: `HOST[:PORT][/PREFIX]`, where clients get its images. */
    address: z.string().nullable(),
    repository: z.string(),
    tags: z.array(z.object({ tag: z.string(), expected: digest.nullable() })),
  }),
  /** Once it is promoted: by digest, and by its first tag; of a hosted feed at the address that this answer was asked at. */
  pullCommand: z.string().nullable(),
  tagPullCommand: z.string().nullable(),
})
export type RequestItem = z.infer<typeof requestItem>

/** A single-item request carries its item's fields at the top too; a set has them null there. */
export const request = z.object({
  id,
  kind: z.enum([...requestKinds, 'break-glass']),
  /** The recall that a restore undoes. */
  recall: id.nullable(),
  /** How it got round its quorum; two other persons must review it. */
  breakGlass: z
    .object({
      by: z.string(),
      at: time,
      reviews: z.array(z.object({ person: z.string(), comment: z.string(), at: time })),
      needsReview: z.boolean(),
    })
    .nullable(),
  state: requestState,
  lane: z.object({ name: z.string(), version: z.int(), from: z.string(), to: z.string() }),
  requester: z.string(),
  reason: z.string().nullable(),
  links: z.record(z.string(), z.string()),
  setDigest: digest,
  items: z.array(requestItem),
  digest: digest.nullish(),
  mediaType: z.string().nullish(),
  platforms: z.array(z.string()).nullish(),
  closure: closure.nullish(),
  drift: drift.optional(),
  source: requestItem.shape.source.nullish(),
  target: requestItem.shape.target.nullish(),
  pullCommand: z.string().nullish(),
  tagPullCommand: z.string().nullish(),
  gates: z.array(gateReport),
  approvals: z.array(approval),
  promotion: promotion.nullable(),
  createdAt: time,
  decidedAt: time.nullable(),
  expiresAt: time,
})
export type Request = z.infer<typeof request>
export const requests = listOf(request)

export const requestsQuery = z.strictObject({
  state: requestState.optional(),
  /** Of the latest promotion. */
  promotion: promotionState.optional(),
  lane: name.optional(),
  repository: repositoryName.optional(),
  digest: digest.optional(),
  /** `due`: let in without a quorum, and not yet reviewed by two others. */
  review: z.literal('due').optional(),
  /**
   * `NAME:TAG`, a part of a repository's name and the beginning of a tag; one of the two; the beginning of a digest
   * (`sha256:…`, or 7 digits and more of it); or a part of the name of who asked.
   */
  find: z.string().trim().min(1).max(512).optional(),
  /** A user name, or `robot:NAME`. */
  requester: z.string().min(1).max(80).optional(),
  ...page,
})

export const evaluation = z.object({
  items: z.array(requestItem.omit({ drift: true, pullCommand: true, tagPullCommand: true })),
  gates: z.array(gateReport),
})
export type Evaluation = z.infer<typeof evaluation>
