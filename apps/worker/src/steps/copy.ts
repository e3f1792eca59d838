import type { Step } from './step.ts'

/**
 * Between two hosted feeds no byte moves: blobs and manifests are shared by digest, and each repository's membership
 * decides who may read them. What is approved is only staged under the promotion, where no read path sees it
 * (invariant 2).
 */
export const copy: Step = {
  name: 'copy',
  async perform({ runs, run, signal }) {
    let members = 0
    for (const { position, closure } of run.items) {
      signal.throwIfAborted()
      await runs.stage(
        run,
        closure.map((member) => ({ position, ...member })),
      )
      members += closure.length
    }
    return { members }
  },
}
