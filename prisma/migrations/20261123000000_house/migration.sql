-- The house of Sluice: feeds, what they hold, who may do what, and the path of a promotion.
-- Applied as sluice_owner; the roles sluice_api, sluice_worker and sluice_queue exist by then.
-- Rules that must hold whatever the code does are written here: constraints, triggers, `admit`.

-- ── instance ────────────────────────────────────────────────────────────────────────────────
create table instance (
  singleton  boolean primary key default true check (singleton),
  name       text not null,
  created_at timestamptz(3) not null default now()
);

-- ── principals: persons, robots, groups, and "anyone" ───────────────────────────────────────
create table principal (
  id   uuid primary key,
  kind text not null check (kind in ('person', 'robot', 'group', 'anyone')),
  unique (id, kind)
);
insert into principal values ('00000000-0000-0000-0000-000000000000', 'anyone');

create table person (
  id           uuid primary key references principal,
  display_name text not null,
  roles        text[] not null default '{}' check (roles <@ array['admin', 'auditor']),
  disabled_at  timestamptz(3),
  created_at   timestamptz(3) not null default now()
);

-- One person may sign in by several identities and still counts once.
create table identity (
  id         uuid primary key,
  person_id  uuid not null references person,
  issuer     text not null,
  subject    text not null,
  created_at timestamptz(3) not null default now(),
  unique (issuer, subject)
);
create index identity_person_id_idx on identity (person_id);

create table credential (
  person_id     uuid primary key references person,
  password_hash text not null,
  must_change   boolean not null,
  -- Whoever set it knows it: the person cannot approve that one's requests until it is changed.
  set_by        uuid references person,
  set_at        timestamptz(3) not null default now()
);

create table robot (
  id          uuid primary key references principal,
  name        text not null unique,
  created_by  uuid not null references person,
  disabled_at timestamptz(3),
  created_at  timestamptz(3) not null default now()
);

create table user_group (
  id         uuid primary key references principal,
  name       text not null unique,
  created_at timestamptz(3) not null default now()
);

create table group_member (
  group_id  uuid not null references user_group on delete cascade,
  person_id uuid not null references person,
  added_at  timestamptz(3) not null default now(),
  primary key (group_id, person_id)
);
create index group_member_person_id_idx on group_member (person_id);

create table token (
  id           uuid primary key,
  principal_id uuid not null references principal,
  -- The person answerable for what is done with it: the person itself, or who made the robot's.
  owner_id     uuid not null references person,
  kind         text not null check (kind in ('session', 'api', 'refresh')),
  name         text not null,
  secret_hash  bytea not null unique,
  scopes       text[] not null,
  created_at   timestamptz(3) not null default now(),
  expires_at   timestamptz(3) not null,
  revoked_at   timestamptz(3),
  last_used_at timestamptz(3)
);
create index token_principal_id_idx on token (principal_id);

-- ── audit ───────────────────────────────────────────────────────────────────────────────────
-- `bytes` is the truth; the other columns are read out of it by a trigger so that they cannot differ.
create table audit_entry (
  id          uuid primary key,
  bytes       bytea not null check (octet_length(bytes) <= 65535),
  leaf        bytea not null,
  type        text not null,
  at          timestamptz(3) not null,
  actor       text not null,
  subjects    text[] not null,
  -- Order of arrival, for reading; the log's own index is given by its sequencer.
  arrival     bigint generated always as identity unique
);
create index audit_entry_type_idx on audit_entry (type, arrival);
create index audit_entry_subjects_idx on audit_entry using gin (subjects);

-- Erasable without breaking the tree: the entry holds only sha256(salt ‖ payload).
create table audit_payload (
  entry_id uuid primary key references audit_entry,
  salt     bytea not null,
  payload  bytea not null
);

-- ── feeds and what they hold ────────────────────────────────────────────────────────────────
create table feed (
  id         uuid primary key,
  kind       text not null default 'hosted' check (kind in ('hosted')),
  stage      text not null,
  trusted    boolean not null,
  tag_rules  jsonb not null default '{}',
  created_at timestamptz(3) not null default now(),
  deleted_at timestamptz(3)
);

-- A name once used by a feed is reserved to it for ever, also after deletion.
create table feed_name (
  name       text primary key,
  feed_id    uuid not null references feed,
  is_current boolean not null,
  since      timestamptz(3) not null default now()
);
create unique index feed_name_current_key on feed_name (feed_id) where is_current;
create index feed_name_feed_id_idx on feed_name (feed_id);

create table access_grant (
  feed_id      uuid not null references feed,
  principal_id uuid not null references principal,
  verbs        text[] not null check (
    cardinality(verbs) > 0 and
    verbs <@ array['pull', 'push', 'delete', 'request', 'approve', 'admin', 'break-glass', 'recall']
  ),
  primary key (feed_id, principal_id)
);
create index access_grant_principal_id_idx on access_grant (principal_id);

create table repository (
  id         uuid primary key,
  feed_id    uuid not null references feed,
  name       text not null,
  created_at timestamptz(3) not null default now(),
  unique (feed_id, name)
);

-- One row a digest; the storage key belongs to the upload that brought the bytes, so that
-- unlinking an old object never destroys a new one.
create table blob (
  digest         text primary key,
  size           bigint not null check (size >= 0),
  storage_key    text not null unique,
  stored_at      timestamptz(3) not null default now(),
  quarantined_at timestamptz(3)
);

create table manifest (
  digest         text primary key,
  bytes          bytea not null,
  kind           text not null check (kind in ('manifest', 'index')),
  artifact_type  text,
  subject_digest text,
  annotations    jsonb,
  stored_at      timestamptz(3) not null default now(),
  constraint manifest_digest_is_of_bytes check (
    digest = 'sha256:' || encode(sha256(bytes), 'hex') or digest = 'sha512:' || encode(sha512(bytes), 'hex')
  )
);
create index manifest_subject_digest_idx on manifest (subject_digest, digest) where subject_digest is not null;

create table manifest_edge (
  parent_digest text not null references manifest,
  position      integer not null,
  kind          text not null check (kind in ('config', 'layer', 'manifest')),
  child_digest  text not null,
  media_type    text not null,
  size          bigint not null,
  -- Foreign layers stay with their owner: not needed for presence, never copied.
  required      boolean not null,
  platform      jsonb,
  primary key (parent_digest, position)
);
create index manifest_edge_child_digest_idx on manifest_edge (child_digest);

-- ── the path: lanes, requests, approvals, promotions ────────────────────────────────────────
create table lane (
  id           uuid primary key,
  name         text not null,
  from_feed_id uuid not null references feed,
  to_feed_id   uuid not null references feed,
  created_at   timestamptz(3) not null default now(),
  deleted_at   timestamptz(3),
  check (from_feed_id <> to_feed_id)
);
create unique index lane_name_key on lane (name) where deleted_at is null;

create table lane_version (
  lane_id     uuid not null references lane,
  version     integer not null check (version > 0),
  policy      jsonb not null,
  policy_hash text not null,
  -- How many distinct persons the policy asks for at the least; never none.
  quorum      integer not null check (quorum >= 1),
  created_by  uuid not null references person,
  created_at  timestamptz(3) not null default now(),
  entry_id    uuid not null references audit_entry,
  primary key (lane_id, version)
);

create table request (
  id           uuid primary key,
  lane_id      uuid not null,
  lane_version integer not null,
  state        text not null check (state in ('PENDING', 'APPROVED', 'REJECTED', 'CANCELLED', 'EXPIRED', 'INVALIDATED')),
  requester_id uuid not null references principal,
  -- Every person who counts as the requester: itself, the token's owner, the mapped CI actor.
  requester_persons uuid[] not null,
  set_digest   text not null,
  bound_hash   text not null,
  reason       text,
  links        jsonb not null default '{}',
  created_at   timestamptz(3) not null default now(),
  expires_at   timestamptz(3) not null,
  decided_at   timestamptz(3),
  entry_id     uuid not null references audit_entry,
  foreign key (lane_id, lane_version) references lane_version
);
create index request_state_idx on request (state, created_at desc, id desc);
create index request_created_at_idx on request (created_at desc, id desc);
create index request_lane_idx on request (lane_id, created_at desc, id desc);
create index request_requester_id_idx on request (requester_id, created_at desc, id desc);
create index request_set_digest_idx on request (set_digest) where state in ('PENDING', 'APPROVED');
create index request_expires_at_idx on request (expires_at) where state in ('PENDING', 'APPROVED');

create table request_item (
  request_id           uuid not null references request,
  position             integer not null check (position >= 0),
  source_repository_id uuid not null references repository,
  source_tag           text,
  digest               text not null,
  media_type           text not null,
  platforms            jsonb not null,
  target_repository    text not null,
  manifests            integer not null,
  blobs                integer not null,
  bytes                bigint not null,
  primary key (request_id, position)
);
create index request_item_digest_idx on request_item (digest);
create index request_item_source_repository_id_idx on request_item (source_repository_id);
create index request_item_target_repository_idx on request_item (target_repository);

-- The tags to move, each with what it pointed at when the request was made (null: nothing).
create table request_target (
  request_id      uuid not null,
  position        integer not null,
  tag             text not null,
  expected_digest text,
  primary key (request_id, position, tag),
  foreign key (request_id, position) references request_item
);

-- Every manifest and blob that the item needs, frozen with the request.
create table closure_member (
  request_id uuid not null,
  position   integer not null,
  digest     text not null,
  kind       text not null check (kind in ('manifest', 'blob')),
  media_type text not null,
  size       bigint not null,
  primary key (request_id, position, digest),
  foreign key (request_id, position) references request_item
);
create index closure_member_digest_idx on closure_member (digest);

create table gate_report (
  id         uuid primary key,
  request_id uuid not null references request,
  phase      text not null check (phase in ('creation', 'approval', 'start')),
  report     jsonb not null,
  at         timestamptz(3) not null default now()
);
create index gate_report_request_id_idx on gate_report (request_id, at);

create table approval (
  id         uuid primary key,
  request_id uuid not null references request,
  person_id  uuid not null references person,
  decision   text not null check (decision in ('approve', 'reject')),
  bound_hash text not null,
  comment    text,
  at         timestamptz(3) not null default now(),
  revoked_at timestamptz(3),
  entry_id   uuid not null unique references audit_entry,
  constraint reject_needs_a_reason check (decision = 'approve' or length(trim(comment)) > 0)
);
create unique index approval_person_once on approval (request_id, person_id) where revoked_at is null;

create table idempotency_key (
  principal_id uuid not null references principal,
  key          text not null,
  body_hash    bytea not null,
  request_id   uuid not null references request,
  created_at   timestamptz(3) not null default now(),
  primary key (principal_id, key)
);

create table promotion (
  id          uuid primary key,
  request_id  uuid not null references request,
  state       text not null check (state in ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'ERRORED', 'CANCELLED')),
  -- The fence: every write of a worker names the attempt it believes to be running.
  attempt     integer not null default 1 check (attempt > 0),
  -- Automatic attempts since a person last asked for one.
  tries       integer not null default 0,
  step        text,
  locked_by   text,
  lease_until timestamptz(3),
  -- When the relay last handed it to the queue, and before which time it need not.
  enqueued_at timestamptz(3),
  not_before  timestamptz(3) not null default now(),
  error_code    text,
  error_message text,
  created_at  timestamptz(3) not null default now(),
  started_at  timestamptz(3),
  finished_at timestamptz(3)
);
create unique index promotion_request_once on promotion (request_id) where state <> 'CANCELLED';
create index promotion_request_id_idx on promotion (request_id, created_at desc);
create index promotion_open_idx on promotion (state, not_before) where state in ('QUEUED', 'RUNNING');
create index promotion_finished_at_idx on promotion (finished_at desc, id desc) where finished_at is not null;

create table promotion_step (
  promotion_id uuid not null references promotion,
  name         text not null,
  attempt      integer not null,
  result       jsonb,
  started_at   timestamptz(3) not null default now(),
  finished_at  timestamptz(3),
  primary key (promotion_id, name)
);

-- What a promotion is about to bring; no read path looks here.
create table staged_member (
  promotion_id uuid not null references promotion,
  position     integer not null,
  digest       text not null,
  kind         text not null check (kind in ('manifest', 'blob')),
  media_type   text not null,
  size         bigint not null,
  verified_at  timestamptz(3),
  primary key (promotion_id, position, digest)
);
create index staged_member_digest_idx on staged_member (digest);

create table admission (
  id            uuid primary key,
  feed_id       uuid not null references feed,
  repository_id uuid not null references repository,
  digest        text not null,
  promotion_id  uuid not null references promotion,
  position      integer not null,
  bound_hash    text not null,
  at            timestamptz(3) not null default now(),
  entry_id      uuid not null references audit_entry,
  unique (promotion_id, position)
);
create index admission_digest_idx on admission (digest);
create index admission_repository_id_idx on admission (repository_id, digest);

-- ── memberships and tags: what a repository answers for ─────────────────────────────────────
create table repository_blob (
  repository_id uuid not null references repository,
  digest        text not null references blob,
  -- Renewed by HEAD and mount: the grace of a blob that nothing refers to yet.
  linked_at     timestamptz(3) not null default now(),
  admission_id  uuid references admission,
  primary key (repository_id, digest)
);
create index repository_blob_digest_idx on repository_blob (digest);

create table repository_manifest (
  repository_id uuid not null references repository,
  digest        text not null references manifest,
  media_type    text not null,
  pushed_at     timestamptz(3) not null default now(),
  pushed_by     uuid references principal,
  admission_id  uuid references admission,
  primary key (repository_id, digest)
);
create index repository_manifest_digest_idx on repository_manifest (digest);

create table tag (
  repository_id uuid not null,
  name          text not null collate "C",
  digest        text not null,
  moved_at      timestamptz(3) not null default now(),
  primary key (repository_id, name),
  foreign key (repository_id, digest) references repository_manifest
);
create index tag_digest_idx on tag (digest);

create table tag_move (
  id            bigint generated always as identity primary key,
  repository_id uuid not null references repository,
  tag           text not null collate "C",
  from_digest   text,
  to_digest     text,
  at            timestamptz(3) not null default now(),
  actor_id      uuid references principal,
  promotion_id  uuid references promotion,
  constraint tag_move_names_who check (actor_id is not null or promotion_id is not null)
);
create index tag_move_tag_idx on tag_move (repository_id, tag, id);

create table upload (
  id            uuid primary key,
  repository_id uuid not null references repository,
  principal_id  uuid not null references principal,
  storage_key   text not null unique,
  received      bigint not null default 0,
  claim_id      uuid,
  claim_until   timestamptz(3),
  created_at    timestamptz(3) not null default now(),
  updated_at    timestamptz(3) not null default now()
);
create index upload_updated_at_idx on upload (updated_at);
