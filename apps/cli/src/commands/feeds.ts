import type { Feed } from '@sluice/contract'
import { type Command, InvalidArgumentError } from 'commander'
import { connect } from '../connect.ts'
import { define } from '../define.ts'
import { parseImage } from '../image.ts'
import { fields, table } from '../output.ts'
import { collect, more, parseLimit } from '../pages.ts'
import type { Shell } from '../shell.ts'
import {
  notificationKey,
  parseDays,
  type RemoteOptions,
  remoteOf,
  setCredentials,
  testFeed,
  withRemoteOptions,
} from './remotes.ts'
import { restore } from './restore.ts'

export function feeds(shell: Shell): Command {
  return define('feeds', 'feeds: what they are, who may do what, what they hold', 'sluice feeds list')
    .addCommand(listFeeds(shell))
    .addCommand(getFeed(shell))
    .addCommand(createFeed(shell))
    .addCommand(renameFeed(shell))
    .addCommand(testFeed(shell))
    .addCommand(setCredentials(shell))
    .addCommand(notificationKey(shell))
    .addCommand(setQuota(shell))
    .addCommand(setKeep(shell))
    .addCommand(previewRetention(shell))
    .addCommand(deleteFeed(shell))
    .addCommand(listGrants(shell))
    .addCommand(listRepositories(shell))
    .addCommand(listTags(shell))
    .addCommand(restore(shell))
}

const show = (feed: Feed): string[] =>
  fields({
    feed: feed.name,
    stage: feed.stage,
    trusted: feed.trusted ? 'yes' : 'no',
    kind: feed.kind,
    registry: feed.remote === null ? null : registryOf(feed.remote),
    ...(feed.cache !== null && cacheOf(feed.cache)),
    versions: feed.tagRules.versions ? 'yes' : null,
    permitted: feed.tagRules.permitted?.join(' '),
    immutable: feed.tagRules.immutable?.join(' '),
    holds: `${feed.used} bytes${feed.quota === null ? '' : ` of ${feed.quota.bytes}`}`,
    formerly: feed.formerNames.length === 0 ? null : feed.formerNames.join(' '),
  })

/** Of a proxy: what it keeps, and how it stands with its upstream. */
const cacheOf = ({ keepDays, reachedAt, failingSince, failure }: NonNullable<Feed['cache']>) => ({
  keeps: `what was pulled within ${keepDays} days`,
  upstream:
    failingSince === null
      ? `last answered ${reachedAt ?? 'never'}`
      : `not reachable since ${failingSince}, served from cache: ${failure}`,
})

const registryOf = ({ url, prefix, credentials }: NonNullable<Feed['remote']>): string => {
  const who =
    credentials === null
      ? 'anonymous'
      : credentials.type === 'basic'
        ? `as ${credentials.username}`
        : 'by refresh token'
  return `${url}${prefix && `/${prefix}`} (${who})`
}

const listFeeds = (shell: Shell): Command =>
  define('list', 'every feed that you may see', 'sluice feeds list')
    .option('--limit <n>', 'how many at most', parseLimit, 200)
    .action(async ({ limit }: { limit: number }, command: Command) => {
      const { client, output } = connect(shell, command)
      const page = await collect(limit, (query) => client.listFeeds({ query }))
      const rows = page.items.map(({ name, kind, stage, trusted }) => [
        name,
        kind,
        stage,
        trusted ? 'yes' : 'no',
      ])
      output.show(page, () => [...table(['NAME', 'KIND', 'STAGE', 'TRUSTED'], rows), ...more(page)])
    })

const getFeed = (shell: Shell): Command =>
  define('get', 'one feed', 'sluice feeds get trusted')
    .argument('<feed>', 'its name, or a former one')
    .action(async (feed: string, _options: object, command: Command) => {
      const { client, output } = connect(shell, command)
      const found = await client.getFeed({ params: { feed } })
      output.show(found, () => show(found))
    })

const createFeed = (shell: Shell): Command =>
  withRemoteOptions(
    define(
      'create',
      'make a feed, stored here, in a registry elsewhere, or a cache of one',
      'sluice feeds create prod --stage prod --trusted --kind remote --registry https://registry.example --username ci --password-stdin',
    )
      .argument('<name>', 'its name, reserved to it for ever')
      .requiredOption('--stage <stage>', 'its stage, as dev, staging or production')
      .option('--trusted', 'only promotions write to it'),
  ).action(
    async (name: string, options: RemoteOptions & { stage: string; trusted?: true }, command: Command) => {
      const { kind, stage, trusted, keepDays } = options
      const remote = await remoteOf(shell, options)
      const { client, output } = connect(shell, command)
      const cache = keepDays === undefined ? {} : { cache: { keepDays } }
      const body = { name, kind, stage, trusted: trusted === true, ...(remote && { remote }), ...cache }
      const made = await client.createFeed({ body })
      output.show(made, () => show(made))
    },
  )

const renameFeed = (shell: Shell): Command =>
  define('rename', 'rename a feed; its old name keeps working', 'sluice feeds rename dev development')
    .argument('<feed>', 'its name')
    .argument('<name>', 'its new name')
    .action(async (feed: string, name: string, _options: object, command: Command) => {
      const { client, output } = connect(shell, command)
      const renamed = await client.updateFeed({ params: { feed }, body: { name } })
      output.show(renamed, () => show(renamed))
    })

const setQuota = (shell: Shell): Command =>
  define('quota', 'limit what a feed may hold', 'sluice feeds quota dev 50000000000')
    .argument('<feed>', 'its name')
    .argument('<bytes>', 'bytes of its distinct blobs; none for no limit', parseQuota)
    .action(async (feed: string, quota: Feed['quota'], _options: object, command: Command) => {
      const { client, output } = connect(shell, command)
      const changed = await client.updateFeed({ params: { feed }, body: { quota } })
      output.show(changed, () => show(changed))
    })

const setKeep = (shell: Shell): Command =>
  define('keep', 'for how long a proxy feed keeps what nobody pulls', 'sluice feeds keep hub 30')
    .argument('<feed>', 'its name')
    .argument('<days>', 'without a pull', parseDays)
    .action(async (feed: string, keepDays: number, _options: object, command: Command) => {
      const { client, output } = connect(shell, command)
      const changed = await client.updateFeed({ params: { feed }, body: { cache: { keepDays } } })
      output.show(changed, () => show(changed))
    })

function parseQuota(text: string): Feed['quota'] {
  if (text === 'none') return null
  if (!/^[1-9][0-9]{0,14}$/.test(text)) throw new InvalidArgumentError('It is a number of bytes, or none.')
  return { bytes: Number(text) }
}

const previewRetention = (shell: Shell): Command =>
  define(
    'retention',
    'show what retention rules would let go of; with --save they become the feed’s own',
    `sluice feeds retention dev --rules '[{"repositories":["team/*"],"keepLast":10}]'`,
  )
    .argument('<feed>', 'its name')
    .option('--rules <json>', 'these rules, in place of the feed’s own', parseRules)
    .option('--save', 'make them the feed’s own')
    .action(async (feed: string, { rules, save }: { rules?: Rules; save?: true }, command: Command) => {
      const { client, output } = connect(shell, command)
      const params = { feed }
      const found = await client.previewRetention({ params, body: rules === undefined ? {} : { rules } })
      if (save === true && rules !== undefined)
        await client.updateFeed({ params, body: { retention: { rules } } })
      const rows = found.items.map(({ repository, digest, tags }) => [repository, digest, tags.join(' ')])
      const kept = found.kept.map(({ repository, digest, running }) => [
        repository,
        digest,
        running.map(({ site, since }) => `runs in ${site} since ${since}`).join('; ') ||
          'belongs to what runs',
      ])
      output.show(found, () => [
        ...table(['REPOSITORY', 'DIGEST', 'TAGS'], rows),
        ...(kept.length > 0 ? ['', ...table(['KEPT', 'DIGEST', 'BECAUSE'], kept)] : []),
        ...(found.more ? ['and more'] : []),
      ])
    })

type Rules = Feed['retention']['rules']

function parseRules(text: string): Rules {
  try {
    // What is in it is checked by the service.
    return JSON.parse(text)
  } catch {
    throw new InvalidArgumentError('It is no JSON.')
  }
}

const deleteFeed = (shell: Shell): Command =>
  define('delete', 'delete a feed; its names stay reserved', 'sluice feeds delete staging')
    .argument('<feed>', 'its name')
    .action(async (feed: string, _options: object, command: Command) => {
      const { client, output } = connect(shell, command)
      await client.deleteFeed({ params: { feed } })
      output.show({ deleted: feed }, () => [`feed ${feed} is deleted`])
    })

const listGrants = (shell: Shell): Command =>
  define('grants', 'who may do what on a feed (change it with apply)', 'sluice feeds grants trusted')
    .argument('<feed>', 'its name')
    .action(async (feed: string, _options: object, command: Command) => {
      const { client, output } = connect(shell, command)
      const grants = await client.getGrants({ params: { feed } })
      const rows = grants.items.map(({ principal, verbs }) => [principal, verbs.join(' ')])
      output.show(grants, () => table(['PRINCIPAL', 'VERBS'], rows))
    })

const listRepositories = (shell: Shell): Command =>
  define('repositories', 'what a feed holds', 'sluice feeds repositories dev')
    .argument('<feed>', 'its name')
    .option('--limit <n>', 'how many at most', parseLimit, 200)
    .action(async (feed: string, { limit }: { limit: number }, command: Command) => {
      const { client, output } = connect(shell, command)
      let note: string | null = null
      const page = await collect(limit, async (query) => {
        const read = await client.listRepositories({ params: { feed }, query })
        note = read.note
        return read
      })
      output.show({ ...page, note }, () => [
        ...page.items.map(({ name }) => `${feed}/${name}`),
        ...more(page),
      ])
      if (note !== null && !output.json) output.note(note)
    })

const listTags = (shell: Shell): Command =>
  define('tags', 'the tags of a repository, in version order', 'sluice feeds tags trusted/team/app')
    .argument('<repository>', 'feed/repository')
    .option('--range <range>', 'only releases within it, as ~1.4, ^1, ">=1.2 <2", latest-stable')
    .option('--limit <n>', 'how many at most', parseLimit, 200)
    .action(async (image: string, options: { limit: number; range?: string }, command: Command) => {
      const { limit, range } = options
      const { feed, repository } = parseImage(image)
      const { client, output } = connect(shell, command)
      const asked = { repository, ...(range !== undefined && { range }) }
      const page = await collect(limit, (query) =>
        client.listTags({ params: { feed }, query: { ...asked, ...query } }),
      )
      const rows = page.items.map((tag) => [
        tag.release === null ? tag.tag : `${tag.tag} → ${tag.release}`,
        tag.digest,
        tag.size === null ? '-' : String(tag.size),
        tag.platforms.join(',') || '-',
        tag.pushedAt,
        tag.pushedBy ?? (tag.promotion === null ? '-' : '(promotion)'),
      ])
      const head = ['TAG', 'DIGEST', 'SIZE', 'PLATFORMS', 'AT', 'BY']
      const pull = page.items.slice(-1).map(({ pullCommand }) => `pull  ${pullCommand}`)
      output.show(page, () => [...table(head, rows), ...pull, ...more(page)])
    })
