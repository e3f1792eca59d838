import type { Repository } from '../client/repository.ts'
import type { Upload } from '../client/upload.ts'
import { sendBlob } from './blob.ts'
import type { BlobJob, CopyDestination, Placed } from './ends.ts'

/** A repository as the end of a copy: blobs are looked for, mounted where the registry has them, or sent. */
export function intoRegistry(destination: Repository): CopyDestination {
  const { registry } = destination
  const send = async (job: BlobJob, upload: Upload | null): Promise<Placed> => {
    const { resumed } = await sendBlob({ ...job, destination }, upload)
    return { way: 'sent', resumed }
  }
  const bring = async (job: BlobJob): Promise<Placed> => {
    const { digest, size } = job.blob
    const known = registry.whereIs(digest)
    // Known to be elsewhere and not here: the mount answers both questions in one round trip.
    if (known === undefined || known === destination.name) {
      if ((await destination.headBlob(digest, job.signal)) === size) return { way: 'present', resumed: 0 }
    }
    const mounted = await mount(job, known)
    return mounted === true ? { way: 'mounted', resumed: 0 } : send(job, mounted)
  }
  const mount = async (
    { source, blob, signal }: BlobJob,
    known: string | undefined,
  ): Promise<true | Upload | null> => {
    const shared = source.registry.origin === registry.origin ? source.name : undefined
    const from = known === undefined || known === destination.name ? shared : known
    if (from === undefined || from === destination.name) return null
    return destination.uploads.mount(blob.digest, from, signal)
  }
  return {
    // One at a time per blob and registry: the second finds it, or mounts it from the first.
    place: (job) =>
      registry.alone(
        job.blob.digest,
        async () => {
          const placed = await bring(job)
          registry.noteBlob(job.blob.digest, destination.name)
          return placed
        },
        job.signal,
      ),
    placeAgain(job) {
      registry.forgetBlob(job.blob.digest)
      return send(job, null)
    },
    putManifest: (manifest, reference, signal) => destination.putManifest(manifest, reference, signal),
  }
}
