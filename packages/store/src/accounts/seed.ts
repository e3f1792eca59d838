import { defaultPolicy, TRUSTED_TAG_RULES } from '@sluice/promotion'
import { appendEntry, SYSTEM } from '../audit/entry.ts'
import { StoreError } from '../errors.ts'
import { insertFeed } from '../feeds/feeds.ts'
import { sealWith } from '../secrets/seal.ts'
import { insertLane } from '../lanes/lanes.ts'
import { type Connections, transaction } from '../transaction.ts'
import { generatePassword, hashPassword } from './password.ts'
import { insertPerson } from './users.ts'

export type Seeded =
  | { readonly seeded: false }
  /** `generatedPassword`: to be shown once; null when the password was given. */
  | { readonly seeded: true; readonly username: 'admin'; readonly generatedPassword: string | null }

/**
 * What a first start needs, in one transaction: the instance's name, the user `admin`, the feeds `dev`
 * and `trusted`, the lane between them. Nothing the second time, whatever has changed since.
 * @throws StoreError invalid: the password is shorter than 8 characters or longer than 1024 bytes
 */
export async function seed(
  { prisma }: Connections,
  {
    adminPassword,
    instance = 'sluice',
  }: { adminPassword?: string | undefined; instance?: string | undefined } = {},
): Promise<Seeded> {
  if (await prisma.instance.findFirst()) return { seeded: false }
  if (adminPassword !== undefined && (adminPassword.length < 8 || Buffer.byteLength(adminPassword) > 1024)) {
    throw new StoreError('invalid', 'the password of admin has 8 characters to 1024 bytes', {
      field: 'SLUICE_ADMIN_PASSWORD',
    })
  }
  const generatedPassword = adminPassword === undefined ? generatePassword() : null
  const passwordHash = await hashPassword(adminPassword ?? generatedPassword!)
  return transaction(prisma, async (tx) => {
    await tx.$executeRaw`select pg_advisory_xact_lock(hashtextextended('sluice first start', 0))`
    if (await tx.instance.findFirst()) return { seeded: false }
    await tx.instance.create({ data: { name: instance } })
    const admin = await insertPerson(tx, {
      username: 'admin',
      displayName: 'Administrator',
      roles: ['admin'],
    })
    // Set by nobody: who started the service reads it once, and no requester is known to have it.
    await tx.credential.create({ data: { personId: admin, passwordHash, mustChange: false } })
    await appendEntry(tx, {
      type: 'instance.created',
      actor: SYSTEM,
      subjects: [`person:${admin}`],
      payload: { instance, username: 'admin' },
    })
    const by = { entryActor: SYSTEM, owner: admin, seal: sealWith(undefined) }
    await insertFeed(tx, { name: 'dev', stage: 'dev', trusted: false }, by)
    await insertFeed(
      tx,
      { name: 'trusted', stage: 'trusted', trusted: true, tagRules: TRUSTED_TAG_RULES },
      by,
    )
    await insertLane(
      tx,
      { name: 'dev-to-trusted', from: 'dev', to: 'trusted', policy: defaultPolicy() },
      admin,
    )
    return { seeded: true, username: 'admin', generatedPassword }
  })
}
