import type { Lane } from '@sluice/contract'
import type { Command } from 'commander'
import { stringify } from 'yaml'
import { connect } from '../connect.ts'
import { define } from '../define.ts'
import { fields, table } from '../output.ts'
import { collect, more, parseLimit } from '../pages.ts'
import type { Shell } from '../shell.ts'

export function lanes(shell: Shell): Command {
  return define('lanes', 'lanes: the ways from feed to feed', 'sluice lanes list')
    .addCommand(listLanes(shell))
    .addCommand(getLane(shell))
    .addCommand(createLane(shell))
    .addCommand(deleteLane(shell))
    .addCommand(listVersions(shell))
    .addCommand(confirmChange(shell))
    .addCommand(withdrawChange(shell))
    .addCommand(ticketKey(shell))
}

const show = ({ name, version, from, to, policy, pending }: Lane): string[] => [
  ...waiting(name, pending),
  ...fields({ lane: name, version: String(version), from, to, policy: '' }),
  ...stringify(policy)
    .trimEnd()
    .split('\n')
    .map((line) => `  ${line}`),
]

const waiting = (lane: string, pending: Lane['pending']): string[] =>
  pending === null
    ? []
    : [
        `pending    ${pending.kind} by ${pending.by} at ${pending.at}`,
        `next       another administrator: sluice lanes confirm ${lane} ${pending.id}`,
      ]

const listLanes = (shell: Shell): Command =>
  define('list', 'every lane that you may see', 'sluice lanes list')
    .option('--limit <n>', 'how many at most', parseLimit, 200)
    .action(async ({ limit }: { limit: number }, command: Command) => {
      const { client, output } = connect(shell, command)
      const page = await collect(limit, (query) => client.listLanes({ query }))
      const rows = page.items.map(({ name, from, to, version }) => [name, from, to, String(version)])
      output.show(page, () => [...table(['NAME', 'FROM', 'TO', 'VERSION'], rows), ...more(page)])
    })

const getLane = (shell: Shell): Command =>
  define('get', 'one lane with its policy', 'sluice lanes get dev-to-trusted')
    .argument('<lane>', 'its name')
    .action(async (lane: string, _options: object, command: Command) => {
      const { client, output } = connect(shell, command)
      const found = await client.getLane({ params: { lane } })
      output.show(found, () => show(found))
    })

const createLane = (shell: Shell): Command =>
  define(
    'create',
    'make a lane with the default policy: one approval, never by the requester (another: apply)',
    'sluice lanes create dev-to-staging --from dev --to staging',
  )
    .argument('<name>', 'its name')
    .requiredOption('--from <feed>', 'the feed it takes from')
    .requiredOption('--to <feed>', 'the feed it promotes into')
    .action(async (name: string, { from, to }: { from: string; to: string }, command: Command) => {
      const { client, output } = connect(shell, command)
      const made = await client.createLane({ body: { name, from, to } })
      output.show(made, () => show(made))
    })

const deleteLane = (shell: Shell): Command =>
  define('delete', 'delete a lane', 'sluice lanes delete dev-to-staging')
    .argument('<lane>', 'its name')
    .action(async (lane: string, _options: object, command: Command) => {
      const { client, output } = connect(shell, command)
      const pending = (await client.deleteLane({ params: { lane } }))?.pending ?? null
      output.show({ deleted: pending === null ? lane : null, pending }, () =>
        pending === null ? [`lane ${lane} is deleted`] : waiting(lane, pending),
      )
    })

const ticketKey = (shell: Shell): Command =>
  define(
    'ticket-key',
    'the secret that a ticket system signs its callbacks with (docs/evidence.md)',
    'sluice lanes ticket-key dev-to-trusted jira',
  )
    .argument('<lane>', 'the lane')
    .argument('<key>', 'the name of the key, as the lane has it under gates.ticket.keys')
    .action(async (lane: string, key: string, _options: object, command: Command) => {
      const { client, output } = connect(shell, command)
      const found = await client.getTicketKey({ params: { lane, key } })
      output.show(found, () => [found.secret])
    })

const listVersions = (shell: Shell): Command =>
  define('versions', 'every version of a lane, the latest first', 'sluice lanes versions dev-to-trusted')
    .argument('<lane>', 'its name')
    .option('--limit <n>', 'how many at most', parseLimit, 50)
    .action(async (lane: string, { limit }: { limit: number }, command: Command) => {
      const { client, output } = connect(shell, command)
      const page = await collect(limit, (query) => client.listLaneVersions({ params: { lane }, query }))
      const rows = page.items.map(({ version, at, by, confirmedBy, policyHash }) => [
        String(version),
        at,
        by,
        confirmedBy ?? '',
        policyHash,
      ])
      output.show(page, () => [
        ...table(['VERSION', 'AT', 'BY', 'CONFIRMED BY', 'POLICY'], rows),
        ...more(page),
      ])
    })

const confirmChange = (shell: Shell): Command =>
  define(
    'confirm',
    'make a change that another administrator proposed',
    'sluice lanes confirm dev-to-trusted CHANGE',
  )
    .argument('<lane>', 'its name')
    .argument('<change>', 'the id that `lanes get` shows')
    .action(async (lane: string, id: string, _options: object, command: Command) => {
      const { client, output } = connect(shell, command)
      const made = await client.confirmLaneChange({ params: { lane, id } })
      output.show(made ?? { deleted: lane }, () => (made ? show(made) : [`lane ${lane} is deleted`]))
    })

const withdrawChange = (shell: Shell): Command =>
  define('withdraw', 'take a proposed change back', 'sluice lanes withdraw dev-to-trusted CHANGE')
    .argument('<lane>', 'its name')
    .argument('<change>', 'the id that `lanes get` shows')
    .action(async (lane: string, id: string, _options: object, command: Command) => {
      const { client, output } = connect(shell, command)
      await client.withdrawLaneChange({ params: { lane, id } })
      output.show({ withdrawn: id }, () => [`the change of ${lane} is withdrawn`])
    })
