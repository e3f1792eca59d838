import { z } from 'zod'
import { digest, feedName, freeText, id, listOf, page, repositoryName, tagName, time } from './grammar.ts'

const url = z.string().min(1).max(512)
const pem = z.string().min(1).max(65_536)
const host = z.string().min(1).max(253)
/** Bytes a second. */
const bandwidth = z.int().min(1024)

/** What is shown to a registry. `refresh`: an identity token, exchanged at its token server. */
const credentials = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('basic'),
    // RFC 7617: a colon would end it.
    username: z.string().regex(/^[^:\p{Cc}]{1,255}$/u, { message: 'a user name has no colon' }),
    password: z.string().min(1).max(65_536),
  }),
  z.strictObject({ type: z.literal('refresh'), refreshToken: z.string().min(1).max(65_536) }),
])

/** How the registry of a remote feed is reached; checked whole by the service (docs/registries.md). */
export const remoteBody = z.strictObject({
  /** `https://HOST[:PORT]` */
  url,
  /** Before the feed's repository names there; empty for nothing. */
  prefix: z.string().max(255).optional(),
  credentials: credentials.nullable().optional(),
  /** Origins, beside its own, that may hand out its tokens. */
  realmAllowList: z.array(url).max(10).optional(),
  /** Of its certificate, beside the public authorities. */
  ca: pem.nullable().optional(),
  clientCertificate: z.strictObject({ cert: pem, key: pem }).nullable().optional(),
  proxy: url.nullable().optional(),
  /** Hosts that are spoken to without TLS: those on loopback, or these. */
  plainHttp: z.union([z.literal('loopback'), z.array(host).max(10)]).optional(),
  /** Hosts that may have an address inside the network. */
  privateHosts: z.array(host).max(10).optional(),
  bandwidth: bandwidth.nullable().optional(),
  /** To be listed beside those that were heard of: a registry is not asked for its list, which many refuse. */
  repositories: z.array(repositoryName).max(1000).optional(),
})

/** What is left out stays. What says where the credentials go is changed together with them. */
export const remotePatch = remoteBody.partial()

/** As it is answered: secrets are known to be set, and never shown. */
export const remote = z.object({
  url: z.string(),
  prefix: z.string(),
  credentials: z
    .discriminatedUnion('type', [
      z.object({ type: z.literal('basic'), username: z.string(), set: z.literal(true) }),
      z.object({ type: z.literal('refresh'), set: z.literal(true) }),
    ])
    .nullable(),
  realmAllowList: z.array(z.string()),
  ca: z.string().nullable(),
  clientCertificate: z.object({ cert: z.string(), set: z.literal(true) }).nullable(),
  proxy: z.string().nullable(),
  plainHttp: z.union([z.literal('loopback'), z.array(z.string())]),
  privateHosts: z.array(z.string()),
  bandwidth: z.int().nullable(),
  repositories: z.array(z.string()),
})
export type Remote = z.infer<typeof remote>

/** With a repository, also that it may be read. */
export const connectionTestBody = z.strictObject({ repository: repositoryName.optional() })

export const connectionTest = z.object({
  ok: z.boolean(),
  host: z.string(),
  /** In the order they were tried; the first that fails is the last. */
  steps: z.array(z.object({ step: z.string(), ok: z.boolean(), message: z.string() })),
  /** What to do, or that nothing is to be done. */
  message: z.string(),
})
export type ConnectionTest = z.infer<typeof connectionTest>

export const resolutions = ['restored', 'accept-removed', 'accepted'] as const

/** A tag of a trusted remote feed that is, or was, not where a promotion put it. */
export const alert = z.object({
  id,
  feed: z.string(),
  repository: z.string(),
  tag: z.string(),
  /** By promotions; null: nothing was promoted to it. */
  expected: digest.nullable(),
  /** By the registry; null: the tag is gone. */
  seen: digest.nullable(),
  firstSeen: time,
  lastSeen: time,
  /** `by` null: it was seen to be right again. */
  resolved: z
    .object({
      at: time,
      by: z.string().nullable(),
      resolution: z.enum(resolutions),
      comment: z.string().nullable(),
    })
    .nullable(),
})
export type Alert = z.infer<typeof alert>
export const alerts = listOf(alert)
export const alertsQuery = z.strictObject({
  state: z.enum(['open', 'resolved']).optional(),
  feed: feedName.optional(),
  ...page,
})

/**
 * `restored`: the registry is looked at, and must serve what was promoted. `accept-removed`: the tag goes from the
 * record of promotions too. `accepted`: it stays as it is, until it changes again.
 */
export const alertResolution = z.strictObject({ resolution: z.enum(resolutions), comment: freeText.min(1) })

/** What a registry sends (Distribution, "Notifications"); of it, where to look is read and nothing else. */
export const notification = z.object({
  events: z
    .array(
      z.object({
        target: z.object({ repository: z.string().max(512).optional(), tag: tagName.optional() }).optional(),
      }),
    )
    .max(1000),
})
export const notificationHeaders = z.object({ authorization: z.string().max(512).optional() })
export const notificationKey = z.object({
  /** Where the registry sends its notifications. */
  url: z.string(),
  /** As their header `Authorization`. */
  authorization: z.string(),
})
