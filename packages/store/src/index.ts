export { type Grants, VERBS, type Verb } from './accounts/grants.ts'
export type { Group } from './accounts/groups.ts'
export type { Seeded } from './accounts/seed.ts'
export type { Session } from './accounts/sign-in.ts'
export type { NewToken, Token } from './accounts/tokens.ts'
export type { NewUser, User, UserChange } from './accounts/users.ts'
export { type Actor, actorOf, ROLES, type Role } from './actor.ts'
export { appendEntry, type NewEntry, SYSTEM } from './audit/entry.ts'
export type { EntryFilter, EntryView } from './audit/list.ts'
export type { Collected, CollectOptions, Damaged, Scrubbed, ScrubOptions } from './collect/index.ts'
export { prepareDatabase } from './database.ts'
export { asStoreError, StoreError, type StoreErrorCode } from './errors.ts'
export type { BlobReader, EvidenceView, NewEvidence, SaidOfTicket } from './evidence/index.ts'
export type { FeedChange, NewFeed, RetiredView } from './feeds/feeds.ts'
export type { FeedView, Quota } from './feeds/find.ts'
export type { Grant, GrantList } from './feeds/grants.ts'
export type { FoundMove, MoveFilter, TagMoveView } from './feeds/moves.ts'
export type { TagView } from './feeds/tags.ts'
export { isId, newId } from './id.ts'
export type { LanePut, NewLane } from './lanes/lanes.ts'
export type { LaneChangeView, LaneVersionView, LaneView } from './lanes/view.ts'
export { listen, type StoreEvent } from './listen.ts'
export type { Page, Paged } from './page.ts'
export * from './promotion/face.ts'
export type { NewPurge, PurgeFilter, PurgeView } from './purge/index.ts'
export type { FoundLate, Late, LateIntent, LateList, LateScan, LateView } from './referrers/index.ts'
export type { AlertFilter, AlertView, Resolution } from './remotes/alerts.ts'
export type { Compared, Ledger, SeenTag } from './remotes/compare.ts'
export type { Hint } from './remotes/now.ts'
export type { Tried } from './remotes/try.ts'
export type { Asking, Place, Seen } from './remotes/observe.ts'
export type { NewRemote, RemoteChange } from './remotes/change.ts'
export type { RemoteAccess, RemoteView } from './remotes/settings.ts'
export type { Passwords } from './roles.ts'
export { loadSecret, type SecretSettings } from './secrets/load.ts'
export { makeKeyFile } from './secrets/make.ts'
export type {
  NewSite,
  Reader,
  ReportView,
  RunningFilter,
  RunningItem,
  RunningView,
  SiteChange,
  SiteView,
  Standing,
} from './sites/index.ts'
export { openStore, type Store } from './store.ts'
export { type Connections, type Transaction, transaction } from './transaction.ts'
