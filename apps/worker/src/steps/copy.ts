import { copyGraph, type CopyJournal, type CopyResult, memoryJournal } from '@sluice/oci'
import type { RunItem } from '@sluice/store'
import { openEnds } from '../ends/both.ts'
import type { StoredBlob } from '../ends/hosted-destination.ts'
import { type ProgressOf, withProgress } from '../progress.ts'
import { readApproved } from './approved.ts'
import type { Step, StepContext } from './step.ts'

/**
 * Brings what was approved to where the target keeps its bytes, by digest, children first and the root last; no tag
 * names it yet (invariant 2). Between two hosted feeds, and for what a proxy feed keeps, no byte moves: blobs and
 * manifests are shared by digest, and each repository's membership decides who may read them. What has arrived is
 * staged under the promotion, so that an attempt after a crash does not send it again.
 */
export const copy: Step = {
  name: 'copy',
  async perform(context) {
    const { runs, run, signal } = context
    let members = 0
    const sent = { blobs: 0, bytes: 0, mounted: 0, present: 0, resumed: 0 }
    await withProgress(context, async (of) => {
      for (const item of run.items) {
        signal.throwIfAborted()
        if (item.source.remote || item.source.proxy || item.target.remote) {
          for (const result of await move(item, context, of)) add(sent, result)
        }
        await runs.stage(
          run,
          item.closure.map((member) => ({ position: item.position, ...member })),
        )
        members += item.closure.length
      }
    })
    return { members, ...sent }
  },
}

async function move(item: RunItem, context: StepContext, progressOf: ProgressOf): Promise<CopyResult[]> {
  const { runs, run, signal } = context
  const trees = await readApproved(item, context)
  const stored = { ...runs, receive: (blob: StoredBlob) => runs.receiveBlob(run, blob) }
  const ends = await openEnds(item, stored, context)
  const journal = await stagedJournal(item, context)
  const results: CopyResult[] = []
  for (const [i, { root, nodes }] of trees.entries()) {
    results.push(
      await copyGraph({
        ...ends,
        root,
        closure: nodes,
        journal,
        resend: (digest) => run.lost === 'all' || run.lost.includes(digest),
        signal,
        onProgress: progressOf(item.position, i),
      }),
    )
  }
  return results
}

/** What has arrived by the rows of the promotion. What is lost again is known here, and found out again elsewhere. */
async function stagedJournal(item: RunItem, { runs, run }: StepContext): Promise<CopyJournal> {
  const { position } = item
  const staged = (await runs.staged(run)).filter((member) => member.position === position)
  const journal = memoryJournal(staged.map(({ digest }) => digest))
  const members = new Map(item.closure.map((member) => [member.digest, member]))
  return {
    ...journal,
    async done(blob) {
      const member = members.get(blob.digest)
      if (member !== undefined) await runs.stage(run, [{ position, ...member }])
      await journal.done(blob)
    },
  }
}

function add(
  sum: { blobs: number; bytes: number; mounted: number; present: number; resumed: number },
  { blobs, bytes, resumed }: CopyResult,
): void {
  sum.blobs += blobs.sent
  sum.bytes += bytes.sent
  sum.mounted += blobs.mounted
  sum.present += blobs.present
  sum.resumed += resumed
}
