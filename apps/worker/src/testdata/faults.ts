import type { FlakyProxy, TokenGate } from '@sluice/testkit'

/** Of the image's large layer, in bytes. */
export const SIZE = 400_000
/** Too long to be a name: refused without that anybody is asked. */
export const UNRESOLVED = `${'registry'.repeat(8)}.invalid`
const never = new Promise<void>(() => undefined)

/** What a case can break, on the way to the registries of its own two feeds. */
export interface Sick {
  readonly from: FlakyProxy
  readonly to: FlakyProxy
  readonly gate: TokenGate
  /** Matches the paths that name the image's large layer. */
  readonly layer: RegExp
  /** Another address for the registry of the target. */
  moveTarget(url: string): Promise<void>
}

export interface Case {
  readonly what: string
  readonly infect: (sick: Sick) => unknown
  readonly heal?: (sick: Sick) => unknown
  /** The code and the whole text with which it ends ERRORED; without it, it succeeds by itself. */
  readonly errored?: readonly [code: string, says: string]
  /** In which attempt it ends. */
  readonly attempt: number
  /** Into a feed of our own. */
  readonly hosted?: true
}

const uploads = /\/blobs\/uploads\//
const blobs = /\/blobs\/sha256:/
/** Answers this in place of the registry. */
export const fails = (status: number, body = '', headers = {}) =>
  ({ kind: 'status', status, body, headers }) as const

export const tenths: readonly Case[] = Array.from({ length: 10 }, (_, n) => n * (SIZE / 10) + 1).map((at) => ({
  what: `reset at byte ${at}, on both ways`,
  attempt: 1,
  infect({ from, to, layer }) {
    from.add({ method: 'GET', path: layer, fault: { kind: 'cut-answer', at }, times: 1 })
    to.add({ method: 'PUT', path: layer, fault: { kind: 'cut-request', at }, times: 1 })
  },
}))

const moments: readonly (readonly [what: string, method: string, path: (sick: Sick) => RegExp])[] = [
  ['a blob is looked for', 'HEAD', () => blobs],
  ['an upload begins', 'POST', () => uploads],
  ['a layer is sent', 'PUT', ({ layer }) => layer],
  ['a manifest is sent', 'PUT', () => /manifests\/sha256:/],
  ['a manifest is read back', 'GET', () => /manifests\/sha256:/],
  ['a layer is read back', 'GET', ({ layer }) => layer],
  ['the tag is set', 'PUT', () => /manifests\/1\.0\.0$/],
]

export const expiries: readonly Case[] = moments.map(([what, method, path]) => ({
  what: `tokens end just before ${what}`,
  attempt: 1,
  infect: (sick) => sick.gate.expireAt(method, path(sick)),
}))

/** It succeeds by itself. */
export const healing: readonly Case[] = [
  {
    what: 'a 500 to each kind of request',
    attempt: 1,
    infect({ from, to }) {
      const kinds = [
        ['HEAD', blobs],
        ['POST', uploads],
        ['PUT', uploads],
        ['PUT', /manifests\/sha256:/],
      ] as const
      for (const [method, path] of kinds) to.add({ method, path, fault: fails(500), times: 1 })
      for (const path of [/manifests\/sha256:/, blobs])
        from.add({ method: 'GET', path, fault: fails(500), times: 1 })
    },
  },
  {
    what: 'a storm of 429 that passes',
    attempt: 1,
    infect: ({ to }) => to.add({ path: /./, fault: fails(429, '', { 'retry-after': '1' }), times: 2 }),
  },
  {
    what: 'bytes that are wrong once',
    attempt: 2,
    infect: ({ from, layer }) => from.add({ path: layer, fault: { kind: 'corrupt', at: 7 }, times: 1 }),
  },
  {
    what: 'a length that is wrong once',
    attempt: 2,
    infect: ({ from, layer }) => from.add({ path: layer, fault: { kind: 'shorten', by: 7 }, times: 1 }),
  },
  {
    what: 'a destination that takes all and never says so',
    attempt: 2,
    infect: ({ to, layer }) => to.add({ method: 'PUT', path: layer, fault: { kind: 'hold', until: never } }),
  },
  {
    what: 'into a feed of our own: reset in the middle of a blob',
    attempt: 1,
    hosted: true,
    infect: ({ from, layer }) =>
      from.add({ method: 'GET', path: layer, fault: { kind: 'cut-answer', at: SIZE / 2 }, times: 1 }),
  },
  {
    what: 'into a feed of our own: bytes that are wrong once',
    attempt: 2,
    hosted: true,
    infect: ({ from, layer }) => from.add({ path: layer, fault: { kind: 'corrupt', at: 7 }, times: 1 }),
  },
]

/** It ends ERRORED, with nothing visible, and succeeds when that is over and somebody asks for it. */
export const lasting: readonly Case[] = [
  {
    what: 'resets of every upload',
    attempt: 5,
    infect: ({ to }) => to.add({ method: 'PUT', path: uploads, fault: { kind: 'cut-request', at: 1 } }),
    errored: [
      'connection',
      'During the step "copy": the blob DIGEST of team/app, at TARGET: the connection broke (ECONNRESET); look at the network between here and there if it lasts, then retry.',
    ],
  },
  {
    what: 'resets of every download',
    attempt: 5,
    infect: ({ from }) => from.add({ method: 'GET', path: blobs, fault: { kind: 'cut-answer', at: 1 } }),
    errored: [
      'connection',
      'During the step "copy": the blob DIGEST of team/app, at SOURCE: the connection broke (ECONNRESET); look at the network between here and there if it lasts, then retry.',
    ],
  },
  {
    what: '500s',
    attempt: 5,
    infect: ({ to }) => to.add({ method: 'POST', path: uploads, fault: fails(500) }),
    errored: [
      'server_error',
      'During the step "copy": an upload to team/app: TARGET answered 500; the registry has a fault of its own, try again later.',
    ],
  },
  {
    what: 'a storm of 429 that does not end',
    attempt: 5,
    infect: ({ to }) => to.add({ path: /./, fault: fails(429, '', { 'retry-after': '0' }) }),
    errored: [
      'rate_limited',
      'During the step "copy": the blob DIGEST of team/app: TARGET answered 429; it asks to be left alone for a while; retry after that.',
    ],
  },
  {
    what: 'a registry that asks for more patience than there is',
    attempt: 5,
    infect: ({ to }) => to.add({ path: /./, fault: fails(429, '', { 'retry-after': '86400' }) }),
    errored: [
      'rate_limited',
      'During the step "copy": the blob DIGEST of team/app: TARGET answered 429; it asks to be left alone for 86400 s; retry after that.',
    ],
  },
  {
    what: 'a source that sends no more',
    attempt: 5,
    infect: ({ from, layer }) => from.add({ method: 'GET', path: layer, fault: { kind: 'stall', at: 1000 } }),
    errored: [
      'timeout',
      'During the step "copy": the blob DIGEST of team/app, at SOURCE: less than 1024 bytes a second for 400 ms; the sending registry is too slow or hangs; look at that registry and at the network if it lasts, then retry.',
    ],
  },
  {
    what: 'a destination that never answers',
    attempt: 5,
    infect: ({ to, layer }) =>
      to.add({ method: 'PUT', path: layer, fault: { kind: 'hold-request', until: never } }),
    errored: [
      'timeout',
      'During the step "copy": TARGET took all bytes of a blob and did not answer in 1500 ms; look at that registry and at the network if it lasts, then retry.',
    ],
  },
  {
    what: 'a destination that hangs when it is read back',
    attempt: 5,
    infect: ({ to, layer }) => to.add({ method: 'GET', path: layer, fault: { kind: 'stall', at: 1000 } }),
    errored: [
      'timeout',
      'During the step "verify": the blob DIGEST of team/app, at TARGET: the registry sends too slowly or hangs; look at that registry and at the network if it lasts, then retry.',
    ],
  },
  {
    what: 'a length that is always wrong',
    attempt: 5,
    infect: ({ from, layer }) => from.add({ path: layer, fault: { kind: 'shorten', by: 7 } }),
    errored: [
      'wrong_length',
      'During the step "copy": the blob DIGEST of team/app, at SOURCE: 400000 bytes are expected and 399993 were served; if it lasts, push the image there again, then retry.',
    ],
  },
  {
    what: 'bytes that are always wrong, in the right length',
    attempt: 5,
    infect: ({ from, layer }) => from.add({ path: layer, fault: { kind: 'corrupt', at: 7 } }),
    errored: [
      'wrong_digest',
      'During the step "copy": the blob DIGEST of team/app, at SOURCE: the bytes served have the digest DIGEST; they were damaged there or on their way; if it lasts, push the image there again, then retry.',
    ],
  },
  {
    what: 'a manifest of wrong bytes',
    attempt: 5,
    infect: ({ from }) => from.add({ path: /manifests\/sha256:/, fault: { kind: 'corrupt', at: 40 } }),
    errored: [
      'wrong_digest',
      'During the step "copy": the manifest DIGEST of team/app, served by SOURCE: the 393 bytes have the digest DIGEST, not DIGEST; the content was altered or cut; if it lasts, push the image there again, then retry.',
    ],
  },
  {
    what: 'a registry that loses a blob of the manifest that it accepted',
    attempt: 5,
    infect: ({ to, layer }) => to.add({ method: 'GET', path: layer, fault: fails(404) }),
    errored: [
      'destination_lost',
      'During the step "verify": the feed trusted accepted the image and does not serve it whole: the blob DIGEST of team/app: TARGET answered 404; if it lasts, look at the storage of that registry, then retry.',
    ],
  },
  {
    what: 'a registry that damages what it keeps',
    attempt: 5,
    infect: ({ to, layer }) => to.add({ method: 'GET', path: layer, fault: { kind: 'corrupt', at: 7 } }),
    errored: [
      'destination_lost',
      'During the step "verify": the feed trusted accepted the image and does not serve it whole: the blob DIGEST of team/app, at TARGET: the bytes served have the digest DIGEST; they were damaged there or on their way; if it lasts, look at the storage of that registry, then retry.',
    ],
  },
  {
    what: 'a password that is taken back in the middle',
    attempt: 1,
    infect({ gate, to, layer }) {
      gate.expireAt('PUT', layer)
      to.add({
        method: 'GET',
        path: /^\/token/,
        fault: fails(401, '{"errors":[{"code":"UNAUTHORIZED","message":"no"}]}'),
      })
    },
    errored: [
      'unauthorized',
      'During the step "copy": a token from TARGET: TARGET answered 401 "UNAUTHORIZED: no"; check the credentials of this feed; give it credentials that are valid there, then retry.',
    ],
  },
  {
    what: 'a full disk',
    attempt: 5,
    infect: ({ to }) => to.add({ method: 'PUT', path: uploads, fault: fails(507) }),
    errored: [
      'storage_full',
      'During the step "copy": the blob DIGEST of team/app: TARGET answered 507; its storage is full, make room there and retry.',
    ],
  },
  {
    what: 'a full disk that is told as an error of the registry',
    attempt: 5,
    infect: ({ to }) =>
      to.add({
        path: uploads,
        fault: fails(500, '{"errors":[{"code":"UNKNOWN","message":"write: no space left on device"}]}'),
      }),
    errored: [
      'storage_full',
      'During the step "copy": an upload to team/app: TARGET answered 500 "UNKNOWN: write: no space left on device"; its storage is full, make room there and retry.',
    ],
  },
  {
    what: 'a layer that is too large',
    attempt: 1,
    infect: ({ to, layer }) => to.add({ method: 'PUT', path: layer, fault: fails(413) }),
    errored: [
      'too_large',
      'During the step "copy": the blob DIGEST of team/app: TARGET answered 413; it takes nothing that large.',
    ],
  },
  {
    what: 'a name that no longer resolves',
    attempt: 5,
    infect: ({ moveTarget }) => moveTarget(`http://${UNRESOLVED}`),
    heal: ({ moveTarget, to }) => moveTarget(to.url),
    errored: [
      'dns',
      'During the step "copy": the blob DIGEST of team/app, at UNRESOLVED: its name cannot be resolved; check the spelling of the address and the DNS of this machine (ENOTFOUND); then retry.',
    ],
  },
  {
    what: 'nobody who listens',
    attempt: 5,
    infect: ({ moveTarget }) => moveTarget('http://127.0.0.1:9'),
    heal: ({ moveTarget, to }) => moveTarget(to.url),
    errored: [
      'refused',
      'During the step "copy": the blob DIGEST of team/app, at 127.0.0.1:9: nothing accepts connections there; check the port and whether it runs (ECONNREFUSED); then retry.',
    ],
  },
  {
    what: 'a tag that is accepted and not kept',
    attempt: 5,
    infect: ({ to }) => to.add({ method: 'PUT', path: /manifests\/1\.0\.0$/, fault: fails(201) }),
    errored: [
      'tag_not_set',
      'During the step "commit": the registry of the feed trusted said that team/app:1.0.0 is set, and nothing is there; see who else writes to it, and whether it keeps what it accepts, then retry.',
    ],
  },
]
