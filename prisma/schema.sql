-- What the migrations make, read back from the catalogue: rules and rights included, which schema.prisma
-- cannot say. Never applied: a change of the migrations shows here, to be reviewed. Write it anew with
--   npx vitest run --project pg packages/store/src/schema.pg.test.ts -u

-- ── roles ──

member of sluice_queue: sluice_worker, inherit f, set t, admin f
role sluice_api login noinherit
role sluice_owner noinherit
role sluice_queue noinherit
role sluice_worker login noinherit

-- ── database and schemas ──

database: public: connect; sluice_api: connect; sluice_owner: create; sluice_worker: connect
schema bullmq of sluice_queue: nobody
schema public of sluice_owner: sluice_api: usage; sluice_worker: usage

-- ── tables ──

table public._prisma_migrations of sluice_owner
  id character varying(36) not null
  checksum character varying(64) not null
  finished_at timestamp with time zone
  migration_name character varying(255) not null
  logs text
  rolled_back_at timestamp with time zone
  started_at timestamp with time zone not null default now()
  applied_steps_count integer not null default 0
  constraint _prisma_migrations_pkey PRIMARY KEY (id)
  rights sluice_api: select; sluice_worker: select
table public.access_grant of sluice_owner
  feed_id uuid not null
  principal_id uuid not null
  verbs text[] not null
  constraint access_grant_feed_id_fkey FOREIGN KEY (feed_id) REFERENCES feed(id)
  constraint access_grant_pkey PRIMARY KEY (feed_id, principal_id)
  constraint access_grant_principal_id_fkey FOREIGN KEY (principal_id) REFERENCES principal(id)
  constraint access_grant_verbs_check CHECK (((cardinality(verbs) > 0) AND (verbs <@ ARRAY['pull'::text, 'push'::text, 'delete'::text, 'request'::text, 'approve'::text, 'admin'::text, 'break-glass'::text, 'recall'::text])))
  CREATE INDEX access_grant_principal_id_idx ON public.access_grant USING btree (principal_id)
  rights sluice_api: delete, insert, select, update; sluice_worker: select
table public.admission of sluice_owner
  id uuid not null
  feed_id uuid not null
  repository_id uuid not null
  digest text not null
  promotion_id uuid not null
  position integer not null
  bound_hash text not null
  at timestamp(3) with time zone not null default now()
  entry_id uuid not null
  break_glass_id uuid
  constraint admission_break_glass_id_fkey FOREIGN KEY (break_glass_id) REFERENCES break_glass(id)
  constraint admission_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES audit_entry(id)
  constraint admission_feed_id_fkey FOREIGN KEY (feed_id) REFERENCES feed(id)
  constraint admission_pkey PRIMARY KEY (id)
  constraint admission_promotion_id_fkey FOREIGN KEY (promotion_id) REFERENCES promotion(id)
  constraint admission_promotion_id_position_key UNIQUE (promotion_id, "position")
  constraint admission_repository_id_fkey FOREIGN KEY (repository_id) REFERENCES repository(id)
  CREATE INDEX admission_digest_idx ON public.admission USING btree (digest)
  CREATE INDEX admission_repository_id_idx ON public.admission USING btree (repository_id, digest)
  CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON public.admission FOR EACH ROW EXECUTE FUNCTION append_only() (always)
  CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.admission FOR EACH STATEMENT EXECUTE FUNCTION append_only() (always)
  CREATE TRIGGER schedule_late_scan AFTER INSERT ON public.admission FOR EACH ROW EXECUTE FUNCTION schedule_late_scan() (always)
  rights sluice_api: select; sluice_worker: select
table public.approval of sluice_owner
  id uuid not null
  request_id uuid not null
  person_id uuid not null
  decision text not null
  bound_hash text not null
  comment text
  at timestamp(3) with time zone not null default now()
  revoked_at timestamp(3) with time zone
  entry_id uuid not null
  constraint approval_decision_check CHECK ((decision = ANY (ARRAY['approve'::text, 'reject'::text])))
  constraint approval_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES audit_entry(id)
  constraint approval_entry_id_key UNIQUE (entry_id)
  constraint approval_person_id_fkey FOREIGN KEY (person_id) REFERENCES person(id)
  constraint approval_pkey PRIMARY KEY (id)
  constraint approval_request_id_fkey FOREIGN KEY (request_id) REFERENCES request(id)
  constraint reject_needs_a_reason CHECK (((decision = 'approve'::text) OR (length(TRIM(BOTH FROM comment)) > 0)))
  CREATE INDEX approval_person_idx ON public.approval USING btree (person_id, request_id)
  CREATE UNIQUE INDEX approval_person_once ON public.approval USING btree (request_id, person_id) WHERE (revoked_at IS NULL)
  CREATE TRIGGER given_password BEFORE INSERT ON public.approval FOR EACH ROW EXECUTE FUNCTION refuse_given_password() (always)
  CREATE TRIGGER guard BEFORE INSERT OR DELETE OR UPDATE ON public.approval FOR EACH ROW EXECUTE FUNCTION guard_approval() (always)
  CREATE TRIGGER notify AFTER INSERT OR UPDATE OF revoked_at ON public.approval FOR EACH ROW EXECUTE FUNCTION notify_approval() (origin)
  rights sluice_api: insert, select; sluice_worker: select
  rights on revoked_at sluice_api: update
table public.audit_entry of sluice_owner
  id uuid not null
  bytes bytea not null
  leaf bytea not null
  type text not null
  at timestamp(3) with time zone not null
  actor text not null
  subjects text[] not null
  arrival bigint not null generated always as identity
  constraint audit_entry_arrival_key UNIQUE (arrival)
  constraint audit_entry_bytes_check CHECK ((octet_length(bytes) <= 65535))
  constraint audit_entry_pkey PRIMARY KEY (id)
  CREATE INDEX audit_entry_subjects_idx ON public.audit_entry USING gin (subjects)
  CREATE INDEX audit_entry_type_idx ON public.audit_entry USING btree (type, arrival)
  CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON public.audit_entry FOR EACH ROW EXECUTE FUNCTION append_only() (always)
  CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.audit_entry FOR EACH STATEMENT EXECUTE FUNCTION append_only() (always)
  CREATE TRIGGER seal BEFORE INSERT ON public.audit_entry FOR EACH ROW EXECUTE FUNCTION seal_audit_entry() (always)
  rights sluice_api: insert, select; sluice_worker: insert, select
table public.audit_payload of sluice_owner
  entry_id uuid not null
  salt bytea not null
  payload bytea not null
  constraint audit_payload_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES audit_entry(id)
  constraint audit_payload_pkey PRIMARY KEY (entry_id)
  rights sluice_api: insert, select; sluice_worker: insert, select
table public.blob of sluice_owner
  digest text not null
  size bigint not null
  storage_key text not null
  stored_at timestamp(3) with time zone not null default now()
  quarantined_at timestamp(3) with time zone
  scrubbed_at timestamp(3) with time zone not null default now()
  constraint blob_pkey PRIMARY KEY (digest)
  constraint blob_size_check CHECK ((size >= 0))
  constraint blob_storage_key_key UNIQUE (storage_key)
  CREATE INDEX blob_scrubbed_at_idx ON public.blob USING btree (scrubbed_at) WHERE (quarantined_at IS NULL)
  CREATE TRIGGER guard BEFORE UPDATE ON public.blob FOR EACH ROW EXECUTE FUNCTION guard_blob() (always)
  CREATE TRIGGER refuse_purged AFTER INSERT ON public.blob FOR EACH ROW EXECUTE FUNCTION refuse_purged_blob() (always)
  rights sluice_api: insert, select; sluice_worker: select
  rights on quarantined_at sluice_api: update; sluice_worker: update
  rights on scrubbed_at sluice_worker: update
table public.break_glass of sluice_owner
  id uuid not null
  request_id uuid not null
  person_id uuid not null
  bound_hash text not null
  at timestamp(3) with time zone not null default now()
  entry_id uuid not null
  constraint break_glass_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES audit_entry(id)
  constraint break_glass_entry_id_key UNIQUE (entry_id)
  constraint break_glass_person_id_fkey FOREIGN KEY (person_id) REFERENCES person(id)
  constraint break_glass_pkey PRIMARY KEY (id)
  constraint break_glass_request_id_fkey FOREIGN KEY (request_id) REFERENCES request(id)
  constraint break_glass_request_id_key UNIQUE (request_id)
  CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON public.break_glass FOR EACH ROW EXECUTE FUNCTION append_only() (always)
  CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.break_glass FOR EACH STATEMENT EXECUTE FUNCTION append_only() (always)
  CREATE TRIGGER guard BEFORE INSERT ON public.break_glass FOR EACH ROW EXECUTE FUNCTION guard_break_glass() (always)
  rights sluice_api: insert, select; sluice_worker: select
table public.break_glass_review of sluice_owner
  id uuid not null
  break_glass_id uuid not null
  person_id uuid not null
  comment text not null
  at timestamp(3) with time zone not null default now()
  entry_id uuid not null
  constraint break_glass_review_break_glass_id_fkey FOREIGN KEY (break_glass_id) REFERENCES break_glass(id)
  constraint break_glass_review_break_glass_id_person_id_key UNIQUE (break_glass_id, person_id)
  constraint break_glass_review_comment_check CHECK ((length(TRIM(BOTH FROM comment)) > 0))
  constraint break_glass_review_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES audit_entry(id)
  constraint break_glass_review_entry_id_key UNIQUE (entry_id)
  constraint break_glass_review_person_id_fkey FOREIGN KEY (person_id) REFERENCES person(id)
  constraint break_glass_review_pkey PRIMARY KEY (id)
  CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON public.break_glass_review FOR EACH ROW EXECUTE FUNCTION append_only() (always)
  CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.break_glass_review FOR EACH STATEMENT EXECUTE FUNCTION append_only() (always)
  CREATE TRIGGER guard BEFORE INSERT ON public.break_glass_review FOR EACH ROW EXECUTE FUNCTION guard_break_glass_review() (always)
  rights sluice_api: insert, select
table public.closure_member of sluice_owner
  request_id uuid not null
  position integer not null
  digest text not null
  kind text not null
  media_type text not null
  size bigint not null
  constraint closure_member_kind_check CHECK ((kind = ANY (ARRAY['manifest'::text, 'blob'::text])))
  constraint closure_member_pkey PRIMARY KEY (request_id, "position", digest)
  constraint closure_member_request_id_position_fkey FOREIGN KEY (request_id, "position") REFERENCES request_item(request_id, "position")
  CREATE INDEX closure_member_digest_idx ON public.closure_member USING btree (digest)
  CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON public.closure_member FOR EACH ROW EXECUTE FUNCTION append_only() (always)
  CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.closure_member FOR EACH STATEMENT EXECUTE FUNCTION append_only() (always)
  CREATE TRIGGER guard BEFORE INSERT ON public.closure_member FOR EACH ROW EXECUTE FUNCTION guard_request_part() (always)
  rights sluice_api: insert, select; sluice_worker: select
table public.commit_intent of sluice_owner
  feed_id uuid not null
  repository text not null
  tag text collate "C" not null
  promotion_id uuid not null
  digest text not null
  previous text
  attempt integer not null
  sendings integer not null default 1
  send_until timestamp(3) with time zone not null
  free_at timestamp(3) with time zone not null
  entry_id uuid not null
  committed_at timestamp(3) with time zone
  constraint commit_intent_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES audit_entry(id)
  constraint commit_intent_feed_id_fkey FOREIGN KEY (feed_id) REFERENCES feed(id)
  constraint commit_intent_pkey PRIMARY KEY (feed_id, repository, tag)
  constraint commit_intent_promotion_id_fkey FOREIGN KEY (promotion_id) REFERENCES promotion(id)
  CREATE INDEX commit_intent_promotion_id_idx ON public.commit_intent USING btree (promotion_id)
  CREATE INDEX commit_intent_tag_idx ON public.commit_intent USING btree (tag)
  CREATE TRIGGER guard_place BEFORE INSERT OR UPDATE ON public.commit_intent FOR EACH ROW WHEN ((new.committed_at IS NULL)) EXECUTE FUNCTION guard_place() (always)
  rights sluice_api: select; sluice_worker: select
table public.credential of sluice_owner
  person_id uuid not null
  password_hash text not null
  must_change boolean not null
  set_by uuid
  set_at timestamp(3) with time zone not null default now()
  given_by uuid
  given_at timestamp(3) with time zone
  constraint credential_given_by_fkey FOREIGN KEY (given_by) REFERENCES person(id)
  constraint credential_person_id_fkey FOREIGN KEY (person_id) REFERENCES person(id)
  constraint credential_pkey PRIMARY KEY (person_id)
  constraint credential_set_by_fkey FOREIGN KEY (set_by) REFERENCES person(id)
  CREATE TRIGGER remember BEFORE INSERT OR UPDATE ON public.credential FOR EACH ROW EXECUTE FUNCTION remember_giver() (always)
  rights sluice_api: insert, select, update
v public.current_tag of sluice_owner
  repository_id uuid
  name text collate "C"
  digest text
  moved_at timestamp(3) with time zone
  as  SELECT t.repository_id,
    t.name,
    t.digest,
    t.moved_at
   FROM tag t
  WHERE (NOT (EXISTS ( SELECT
           FROM (repository r
             JOIN feed f ON ((f.id = r.feed_id)))
          WHERE ((r.id = t.repository_id) AND (f.kind = 'remote'::text)))))
UNION ALL
 SELECT o.repository_id,
    o.name,
    o.digest,
    o.moved_at
   FROM remote_tag o;
  rights sluice_api: select; sluice_worker: select
table public.evidence of sluice_owner
  id uuid not null
  subject text not null
  type text not null
  format text not null
  predicate_type text
  bytes bytea not null
  sha256 text not null
  content_digest text not null
  claimed_at timestamp(3) with time zone
  received_at timestamp(3) with time zone not null default now()
  received_by uuid not null
  verified text
  summary jsonb not null
  entry_id uuid not null
  sender text
  constraint evidence_bytes_check CHECK ((octet_length(bytes) <= 16777216))
  constraint evidence_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES audit_entry(id)
  constraint evidence_once UNIQUE (subject, sha256, received_by)
  constraint evidence_pkey PRIMARY KEY (id)
  constraint evidence_received_by_fkey FOREIGN KEY (received_by) REFERENCES principal(id)
  constraint evidence_sha256_is_of_bytes CHECK ((sha256 = ('sha256:'::text || encode(sha256(bytes), 'hex'::text))))
  CREATE INDEX evidence_subject_idx ON public.evidence USING btree (subject, received_at DESC, id DESC)
  CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON public.evidence FOR EACH ROW EXECUTE FUNCTION append_only() (always)
  CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.evidence FOR EACH STATEMENT EXECUTE FUNCTION append_only() (always)
  CREATE TRIGGER guard BEFORE INSERT ON public.evidence FOR EACH ROW EXECUTE FUNCTION guard_evidence() (always)
  rights sluice_api: insert, select; sluice_worker: select
table public.feed of sluice_owner
  id uuid not null
  kind text not null default 'hosted'::text
  stage text not null
  trusted boolean not null
  tag_rules jsonb not null default '{}'::jsonb
  created_at timestamp(3) with time zone not null default now()
  deleted_at timestamp(3) with time zone
  quota_bytes bigint
  retention jsonb not null default '{"rules": []}'::jsonb
  constraint feed_kind_check CHECK ((kind = ANY (ARRAY['hosted'::text, 'remote'::text, 'proxy'::text])))
  constraint feed_pkey PRIMARY KEY (id)
  constraint feed_quota_bytes_check CHECK ((quota_bytes > 0))
  constraint proxy_has_no_rules CHECK (((kind <> 'proxy'::text) OR ((retention = '{"rules": []}'::jsonb) AND (tag_rules = '{}'::jsonb))))
  constraint proxy_is_never_trusted CHECK (((kind <> 'proxy'::text) OR (NOT trusted)))
  constraint remote_keeps_no_blobs CHECK (((kind <> 'remote'::text) OR ((quota_bytes IS NULL) AND (retention = '{"rules": []}'::jsonb))))
  CREATE TRIGGER guard BEFORE UPDATE ON public.feed FOR EACH ROW EXECUTE FUNCTION guard_feed() (always)
  CREATE TRIGGER guard_trusted BEFORE UPDATE OF trusted ON public.feed FOR EACH ROW EXECUTE FUNCTION guard_trusted() (always)
  rights sluice_api: insert, select, update; sluice_worker: select
table public.feed_cache of sluice_owner
  feed_id uuid not null
  keep_days integer not null
  upstream text not null
  reached_at timestamp(3) with time zone
  failing_since timestamp(3) with time zone
  failure text
  constraint feed_cache_check CHECK (((failing_since IS NULL) = (failure IS NULL)))
  constraint feed_cache_failure_check CHECK ((length(failure) <= 1000))
  constraint feed_cache_feed_id_fkey FOREIGN KEY (feed_id) REFERENCES feed(id)
  constraint feed_cache_keep_days_check CHECK (((keep_days >= 1) AND (keep_days <= 36500)))
  constraint feed_cache_pkey PRIMARY KEY (feed_id)
  CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON public.feed_cache FOR EACH ROW EXECUTE FUNCTION guard_feed_cache() (always)
  rights sluice_api: insert, select, update; sluice_worker: select
table public.feed_name of sluice_owner
  name text not null
  feed_id uuid not null
  is_current boolean not null
  since timestamp(3) with time zone not null default now()
  constraint feed_name_feed_id_fkey FOREIGN KEY (feed_id) REFERENCES feed(id)
  constraint feed_name_pkey PRIMARY KEY (name)
  CREATE INDEX feed_name_feed_id_idx ON public.feed_name USING btree (feed_id)
  CREATE UNIQUE INDEX feed_name_current_key ON public.feed_name USING btree (feed_id) WHERE is_current
  CREATE TRIGGER guard BEFORE DELETE OR UPDATE ON public.feed_name FOR EACH ROW EXECUTE FUNCTION guard_feed_name() (always)
  rights sluice_api: insert, select; sluice_worker: select
  rights on is_current sluice_api: update
table public.feed_remote of sluice_owner
  feed_id uuid not null
  base_url text not null
  prefix text not null default ''::text
  credential_type text
  username text
  sealed_credential bytea
  realm_allow_list text[] not null default '{}'::text[]
  ca text
  client_certificate text
  sealed_client_key bytea
  proxy text
  plain_http text[] not null default '{}'::text[]
  private_hosts text[] not null default '{}'::text[]
  bandwidth bigint
  changed_at timestamp(3) with time zone not null default now()
  repositories text[] not null default '{}'::text[]
  constraint feed_remote_bandwidth_check CHECK ((bandwidth > 0))
  constraint feed_remote_base_url_check CHECK ((base_url ~ '^https?://[^/@?#]+$'::text))
  constraint feed_remote_check CHECK (((credential_type IS NULL) = (sealed_credential IS NULL)))
  constraint feed_remote_check1 CHECK (((NOT (credential_type IS DISTINCT FROM 'basic'::text)) = (username IS NOT NULL)))
  constraint feed_remote_check2 CHECK (((client_certificate IS NULL) = (sealed_client_key IS NULL)))
  constraint feed_remote_credential_type_check CHECK ((credential_type = ANY (ARRAY['basic'::text, 'refresh'::text])))
  constraint feed_remote_feed_id_fkey FOREIGN KEY (feed_id) REFERENCES feed(id)
  constraint feed_remote_pkey PRIMARY KEY (feed_id)
  constraint feed_remote_proxy_check CHECK ((proxy ~ '^http://[^/@?#]+$'::text))
  CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON public.feed_remote FOR EACH ROW EXECUTE FUNCTION guard_feed_remote() (always)
  rights sluice_api: insert, select, update; sluice_worker: select
table public.feed_usage of sluice_owner
  id bigint not null generated always as identity
  feed_id uuid not null
  bytes bigint not null
  constraint feed_usage_feed_id_fkey FOREIGN KEY (feed_id) REFERENCES feed(id)
  constraint feed_usage_pkey PRIMARY KEY (id)
  CREATE INDEX feed_usage_feed_id_idx ON public.feed_usage USING btree (feed_id)
  rights sluice_api: select; sluice_worker: select
table public.gate_report of sluice_owner
  id uuid not null
  request_id uuid not null
  phase text not null
  report jsonb not null
  at timestamp(3) with time zone not null default now()
  promotion_id uuid
  attempt integer
  constraint gate_report_phase_check CHECK ((phase = ANY (ARRAY['creation'::text, 'approval'::text, 'start'::text])))
  constraint gate_report_pkey PRIMARY KEY (id)
  constraint gate_report_promotion_id_fkey FOREIGN KEY (promotion_id) REFERENCES promotion(id)
  constraint gate_report_request_id_fkey FOREIGN KEY (request_id) REFERENCES request(id)
  CREATE INDEX gate_report_request_id_idx ON public.gate_report USING btree (request_id, at)
  CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON public.gate_report FOR EACH ROW EXECUTE FUNCTION append_only() (always)
  CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.gate_report FOR EACH STATEMENT EXECUTE FUNCTION append_only() (always)
  CREATE TRIGGER guard BEFORE INSERT ON public.gate_report FOR EACH ROW EXECUTE FUNCTION guard_gate_report() (always)
  rights sluice_api: insert, select; sluice_worker: insert, select
table public.group_member of sluice_owner
  group_id uuid not null
  person_id uuid not null
  added_at timestamp(3) with time zone not null default now()
  constraint group_member_group_id_fkey FOREIGN KEY (group_id) REFERENCES user_group(id) ON DELETE CASCADE
  constraint group_member_person_id_fkey FOREIGN KEY (person_id) REFERENCES person(id)
  constraint group_member_pkey PRIMARY KEY (group_id, person_id)
  CREATE INDEX group_member_person_id_idx ON public.group_member USING btree (person_id)
  CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON public.group_member FOR EACH ROW EXECUTE FUNCTION stamp_membership() (always)
  rights sluice_api: delete, insert, select; sluice_worker: select
table public.idempotency_key of sluice_owner
  principal_id uuid not null
  key text not null
  body_hash bytea not null
  request_id uuid not null
  created_at timestamp(3) with time zone not null default now()
  constraint idempotency_key_pkey PRIMARY KEY (principal_id, key)
  constraint idempotency_key_principal_id_fkey FOREIGN KEY (principal_id) REFERENCES principal(id)
  constraint idempotency_key_request_id_fkey FOREIGN KEY (request_id) REFERENCES request(id)
  rights sluice_api: delete, insert, select
table public.identity of sluice_owner
  id uuid not null
  person_id uuid not null
  issuer text not null
  subject text not null
  created_at timestamp(3) with time zone not null default now()
  constraint identity_issuer_subject_key UNIQUE (issuer, subject)
  constraint identity_person_id_fkey FOREIGN KEY (person_id) REFERENCES person(id)
  constraint identity_pkey PRIMARY KEY (id)
  CREATE INDEX identity_person_id_idx ON public.identity USING btree (person_id)
  rights sluice_api: delete, insert, select
table public.instance of sluice_owner
  singleton boolean not null default true
  name text not null
  created_at timestamp(3) with time zone not null default now()
  constraint instance_pkey PRIMARY KEY (singleton)
  constraint instance_singleton_check CHECK (singleton)
  rights sluice_api: insert, select; sluice_worker: select
table public.lane of sluice_owner
  id uuid not null
  name text not null
  from_feed_id uuid not null
  to_feed_id uuid not null
  created_at timestamp(3) with time zone not null default now()
  deleted_at timestamp(3) with time zone
  constraint lane_check CHECK ((from_feed_id <> to_feed_id))
  constraint lane_from_feed_id_fkey FOREIGN KEY (from_feed_id) REFERENCES feed(id)
  constraint lane_pkey PRIMARY KEY (id)
  constraint lane_to_feed_id_fkey FOREIGN KEY (to_feed_id) REFERENCES feed(id)
  CREATE UNIQUE INDEX lane_name_key ON public.lane USING btree (name) WHERE (deleted_at IS NULL)
  CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON public.lane FOR EACH ROW EXECUTE FUNCTION guard_lane() (always)
  CREATE TRIGGER refuse_proxy BEFORE INSERT ON public.lane FOR EACH ROW EXECUTE FUNCTION refuse_lane_to_proxy() (always)
  rights sluice_api: insert, select, update; sluice_worker: select
table public.lane_change of sluice_owner
  id uuid not null
  lane_id uuid not null
  kind text not null
  policy jsonb
  policy_hash text
  invalidate boolean not null default false
  proposed_by uuid not null
  proposed_at timestamp(3) with time zone not null default now()
  entry_id uuid not null
  confirmed_by uuid
  confirmed_at timestamp(3) with time zone
  confirm_entry_id uuid
  withdrawn_at timestamp(3) with time zone
  constraint confirmed_by_another CHECK ((confirmed_by <> proposed_by))
  constraint lane_change_check CHECK ((((kind = 'remove'::text) = (policy IS NULL)) AND ((policy IS NULL) = (policy_hash IS NULL))))
  constraint lane_change_check1 CHECK ((((confirmed_by IS NULL) = (confirmed_at IS NULL)) AND ((confirmed_by IS NULL) = (confirm_entry_id IS NULL))))
  constraint lane_change_check2 CHECK (((confirmed_at IS NULL) OR (withdrawn_at IS NULL)))
  constraint lane_change_confirm_entry_id_fkey FOREIGN KEY (confirm_entry_id) REFERENCES audit_entry(id)
  constraint lane_change_confirmed_by_fkey FOREIGN KEY (confirmed_by) REFERENCES person(id)
  constraint lane_change_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES audit_entry(id)
  constraint lane_change_kind_check CHECK ((kind = ANY (ARRAY['create'::text, 'put'::text, 'remove'::text])))
  constraint lane_change_lane_id_fkey FOREIGN KEY (lane_id) REFERENCES lane(id)
  constraint lane_change_pkey PRIMARY KEY (id)
  constraint lane_change_proposed_by_fkey FOREIGN KEY (proposed_by) REFERENCES person(id)
  CREATE UNIQUE INDEX lane_change_open_key ON public.lane_change USING btree (lane_id) WHERE ((confirmed_at IS NULL) AND (withdrawn_at IS NULL))
  CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.lane_change FOR EACH STATEMENT EXECUTE FUNCTION append_only() (always)
  CREATE TRIGGER guard BEFORE INSERT OR DELETE OR UPDATE ON public.lane_change FOR EACH ROW EXECUTE FUNCTION guard_lane_change() (always)
  rights sluice_api: insert, select
  rights on confirmed_by sluice_api: update
  rights on confirmed_at sluice_api: update
  rights on confirm_entry_id sluice_api: update
  rights on withdrawn_at sluice_api: update
table public.lane_version of sluice_owner
  lane_id uuid not null
  version integer not null
  policy jsonb not null
  policy_hash text not null
  quorum integer not null
  created_by uuid not null
  created_at timestamp(3) with time zone not null default now()
  entry_id uuid not null
  change_id uuid
  constraint lane_version_change_id_fkey FOREIGN KEY (change_id) REFERENCES lane_change(id)
  constraint lane_version_change_id_key UNIQUE (change_id)
  constraint lane_version_created_by_fkey FOREIGN KEY (created_by) REFERENCES person(id)
  constraint lane_version_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES audit_entry(id)
  constraint lane_version_lane_id_fkey FOREIGN KEY (lane_id) REFERENCES lane(id)
  constraint lane_version_pkey PRIMARY KEY (lane_id, version)
  constraint lane_version_quorum_check CHECK ((quorum >= 1))
  constraint lane_version_version_check CHECK ((version > 0))
  CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON public.lane_version FOR EACH ROW EXECUTE FUNCTION append_only() (always)
  CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.lane_version FOR EACH STATEMENT EXECUTE FUNCTION append_only() (always)
  CREATE TRIGGER guard BEFORE INSERT ON public.lane_version FOR EACH ROW EXECUTE FUNCTION guard_lane_version() (always)
  rights sluice_api: insert, select; sluice_worker: select
table public.late_referrer of sluice_owner
  id uuid not null
  admission_id uuid not null
  subject text not null
  digest text not null
  tag text collate "C" not null default ''::text
  state text not null
  reason text
  carries jsonb not null default '[]'::jsonb
  found_at timestamp(3) with time zone not null default now()
  changed_at timestamp(3) with time zone not null default now()
  entry_id uuid
  constraint late_referrer_admission_id_fkey FOREIGN KEY (admission_id) REFERENCES admission(id)
  constraint late_referrer_admission_id_subject_digest_tag_key UNIQUE (admission_id, subject, digest, tag)
  constraint late_referrer_check CHECK (((entry_id IS NOT NULL) = (state = ANY (ARRAY['intended'::text, 'admitted'::text]))))
  constraint late_referrer_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES audit_entry(id)
  constraint late_referrer_pkey PRIMARY KEY (id)
  constraint late_referrer_reason_check CHECK (((state = 'intended'::text) OR ((reason IS NOT NULL) = (state = ANY (ARRAY['waiting'::text, 'refused'::text])))))
  constraint late_referrer_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'intended'::text, 'admitted'::text, 'refused'::text])))
  CREATE INDEX late_referrer_digest_idx ON public.late_referrer USING btree (digest)
  CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.late_referrer FOR EACH STATEMENT EXECUTE FUNCTION append_only() (always)
  CREATE TRIGGER guard BEFORE INSERT OR DELETE OR UPDATE ON public.late_referrer FOR EACH ROW EXECUTE FUNCTION guard_late_referrer() (always)
  CREATE TRIGGER notify AFTER INSERT OR UPDATE OF state ON public.late_referrer FOR EACH ROW EXECUTE FUNCTION notify_late_referrer() (origin)
  rights sluice_api: select; sluice_worker: insert, select
  rights on state sluice_worker: update
  rights on reason sluice_worker: update
  rights on carries sluice_worker: update
table public.late_scan of sluice_owner
  admission_id uuid not null
  due_at timestamp(3) with time zone not null default now()
  scanned_at timestamp(3) with time zone
  problem text
  constraint late_scan_admission_id_fkey FOREIGN KEY (admission_id) REFERENCES admission(id)
  constraint late_scan_pkey PRIMARY KEY (admission_id)
  CREATE INDEX late_scan_due_at_idx ON public.late_scan USING btree (due_at)
  CREATE TRIGGER notify AFTER UPDATE OF due_at ON public.late_scan FOR EACH ROW WHEN ((new.due_at < old.due_at)) EXECUTE FUNCTION notify_due('referrers') (origin)
  rights sluice_api: select; sluice_worker: select
  rights on due_at sluice_api: update; sluice_worker: update
  rights on scanned_at sluice_worker: update
  rights on problem sluice_worker: update
table public.manifest of sluice_owner
  digest text not null
  bytes bytea not null
  kind text not null
  artifact_type text
  subject_digest text
  annotations jsonb
  stored_at timestamp(3) with time zone not null default now()
  constraint manifest_digest_is_of_bytes CHECK (((digest = ('sha256:'::text || encode(sha256(bytes), 'hex'::text))) OR (digest = ('sha512:'::text || encode(sha512(bytes), 'hex'::text)))))
  constraint manifest_kind_check CHECK ((kind = ANY (ARRAY['manifest'::text, 'index'::text])))
  constraint manifest_pkey PRIMARY KEY (digest)
  CREATE INDEX manifest_subject_digest_idx ON public.manifest USING btree (subject_digest, digest) WHERE (subject_digest IS NOT NULL)
  CREATE TRIGGER guard AFTER INSERT ON public.manifest FOR EACH ROW EXECUTE FUNCTION guard_manifest() (always)
  rights sluice_api: insert, select; sluice_worker: select
table public.manifest_edge of sluice_owner
  parent_digest text not null
  position integer not null
  kind text not null
  child_digest text not null
  media_type text not null
  size bigint not null
  required boolean not null
  platform jsonb
  constraint manifest_edge_kind_check CHECK ((kind = ANY (ARRAY['config'::text, 'layer'::text, 'manifest'::text])))
  constraint manifest_edge_parent_digest_fkey FOREIGN KEY (parent_digest) REFERENCES manifest(digest)
  constraint manifest_edge_pkey PRIMARY KEY (parent_digest, "position")
  CREATE INDEX manifest_edge_child_digest_idx ON public.manifest_edge USING btree (child_digest)
  rights sluice_api: insert, select; sluice_worker: select
table public.manifest_use of sluice_owner
  repository_id uuid not null
  digest text not null
  used_at timestamp(3) with time zone not null default now()
  constraint manifest_use_pkey PRIMARY KEY (repository_id, digest)
  constraint manifest_use_repository_id_digest_fkey FOREIGN KEY (repository_id, digest) REFERENCES repository_manifest(repository_id, digest) ON DELETE CASCADE
  CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON public.manifest_use FOR EACH ROW EXECUTE FUNCTION guard_manifest_use() (always)
  rights sluice_api: insert, select, update; sluice_worker: select
table public.person of sluice_owner
  id uuid not null
  display_name text not null
  roles text[] not null default '{}'::text[]
  disabled_at timestamp(3) with time zone
  created_at timestamp(3) with time zone not null default now()
  constraint person_id_fkey FOREIGN KEY (id) REFERENCES principal(id)
  constraint person_pkey PRIMARY KEY (id)
  constraint person_roles_check CHECK ((roles <@ ARRAY['admin'::text, 'auditor'::text]))
  rights sluice_api: insert, select, update; sluice_worker: select
table public.principal of sluice_owner
  id uuid not null
  kind text not null
  constraint principal_id_kind_key UNIQUE (id, kind)
  constraint principal_kind_check CHECK ((kind = ANY (ARRAY['person'::text, 'robot'::text, 'group'::text, 'anyone'::text])))
  constraint principal_pkey PRIMARY KEY (id)
  rights sluice_api: insert, select; sluice_worker: select
table public.promotion of sluice_owner
  id uuid not null
  request_id uuid not null
  state text not null
  attempt integer not null default 1
  tries integer not null default 0
  step text
  locked_by text
  lease_until timestamp(3) with time zone
  enqueued_at timestamp(3) with time zone
  not_before timestamp(3) with time zone not null default now()
  error_code text
  error_message text
  created_at timestamp(3) with time zone not null default now()
  started_at timestamp(3) with time zone
  finished_at timestamp(3) with time zone
  intended_at timestamp(3) with time zone
  constraint promotion_attempt_check CHECK ((attempt > 0))
  constraint promotion_pkey PRIMARY KEY (id)
  constraint promotion_request_id_fkey FOREIGN KEY (request_id) REFERENCES request(id)
  constraint promotion_state_check CHECK ((state = ANY (ARRAY['QUEUED'::text, 'RUNNING'::text, 'SUCCEEDED'::text, 'FAILED'::text, 'ERRORED'::text, 'CANCELLED'::text])))
  CREATE INDEX promotion_finished_at_idx ON public.promotion USING btree (finished_at DESC, id DESC) WHERE (finished_at IS NOT NULL)
  CREATE INDEX promotion_open_idx ON public.promotion USING btree (state, not_before) WHERE (state = ANY (ARRAY['QUEUED'::text, 'RUNNING'::text]))
  CREATE INDEX promotion_request_id_idx ON public.promotion USING btree (request_id, created_at DESC)
  CREATE UNIQUE INDEX promotion_request_once ON public.promotion USING btree (request_id) WHERE (state <> 'CANCELLED'::text)
  CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON public.promotion FOR EACH ROW EXECUTE FUNCTION guard_promotion() (always)
  CREATE TRIGGER guard_intent BEFORE INSERT OR UPDATE OF state ON public.promotion FOR EACH ROW EXECUTE FUNCTION guard_intent() (always)
  CREATE TRIGGER notify AFTER INSERT OR UPDATE OF state, step ON public.promotion FOR EACH ROW EXECUTE FUNCTION notify_promotion() (origin)
  rights sluice_api: insert, select; sluice_worker: select
  rights on state sluice_api: update; sluice_worker: update
  rights on attempt sluice_api: update; sluice_worker: update
  rights on tries sluice_api: update; sluice_worker: update
  rights on step sluice_api: update; sluice_worker: update
  rights on locked_by sluice_api: update; sluice_worker: update
  rights on lease_until sluice_api: update; sluice_worker: update
  rights on enqueued_at sluice_api: update; sluice_worker: update
  rights on not_before sluice_api: update; sluice_worker: update
  rights on error_code sluice_api: update; sluice_worker: update
  rights on error_message sluice_api: update; sluice_worker: update
  rights on started_at sluice_api: update; sluice_worker: update
  rights on finished_at sluice_api: update; sluice_worker: update
table public.promotion_progress of sluice_owner
  promotion_id uuid not null
  bytes bigint not null
  total_bytes bigint not null
  blobs integer not null
  total_blobs integer not null
  bytes_per_second bigint not null
  at timestamp(3) with time zone not null default now()
  items jsonb not null default '[]'::jsonb
  constraint promotion_progress_pkey PRIMARY KEY (promotion_id)
  constraint promotion_progress_promotion_id_fkey FOREIGN KEY (promotion_id) REFERENCES promotion(id)
  CREATE TRIGGER notify AFTER INSERT OR UPDATE ON public.promotion_progress FOR EACH ROW EXECUTE FUNCTION notify_progress() (origin)
  rights sluice_api: select; sluice_worker: delete, insert, select, update
table public.promotion_step of sluice_owner
  promotion_id uuid not null
  name text not null
  attempt integer not null
  result jsonb
  started_at timestamp(3) with time zone not null default now()
  finished_at timestamp(3) with time zone
  constraint promotion_step_pkey PRIMARY KEY (promotion_id, name)
  constraint promotion_step_promotion_id_fkey FOREIGN KEY (promotion_id) REFERENCES promotion(id)
  rights sluice_api: select; sluice_worker: insert, select, update
table public.purge of sluice_owner
  id uuid not null
  recall_id uuid not null
  digest text not null
  reason text not null
  opened_by uuid not null
  opened_at timestamp(3) with time zone not null default now()
  entry_id uuid not null
  confirmed_by uuid
  confirmed_at timestamp(3) with time zone
  confirmed_entry_id uuid
  constraint purge_check CHECK ((num_nulls(confirmed_by, confirmed_at, confirmed_entry_id) = ANY (ARRAY[0, 3])))
  constraint purge_confirmed_by_fkey FOREIGN KEY (confirmed_by) REFERENCES person(id)
  constraint purge_confirmed_entry_id_fkey FOREIGN KEY (confirmed_entry_id) REFERENCES audit_entry(id)
  constraint purge_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES audit_entry(id)
  constraint purge_opened_by_fkey FOREIGN KEY (opened_by) REFERENCES person(id)
  constraint purge_pkey PRIMARY KEY (id)
  constraint purge_reason_check CHECK ((length(TRIM(BOTH FROM reason)) > 0))
  constraint purge_recall_id_fkey FOREIGN KEY (recall_id) REFERENCES recall(id)
  constraint purge_recall_id_key UNIQUE (recall_id)
  constraint purge_takes_two CHECK ((confirmed_by <> opened_by))
  CREATE INDEX purge_opened_at_idx ON public.purge USING btree (opened_at DESC, id DESC)
  CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.purge FOR EACH STATEMENT EXECUTE FUNCTION append_only() (always)
  CREATE TRIGGER guard BEFORE INSERT OR DELETE OR UPDATE ON public.purge FOR EACH ROW EXECUTE FUNCTION guard_purge() (always)
  rights sluice_api: insert, select; sluice_worker: select
table public.rate_count of sluice_owner
  key text not null
  since timestamp(3) with time zone not null
  count integer not null
  constraint rate_count_count_check CHECK ((count > 0))
  constraint rate_count_key_check CHECK (((length(key) >= 1) AND (length(key) <= 200)))
  constraint rate_count_pkey PRIMARY KEY (key, since)
  rights sluice_api: insert, select, update; sluice_worker: delete, select
table public.recall of sluice_owner
  id uuid not null
  feed_id uuid not null
  digest text not null
  reason text not null
  recalled_by uuid not null
  at timestamp(3) with time zone not null default now()
  entry_id uuid not null
  lifted_at timestamp(3) with time zone
  lifted_by uuid
  constraint recall_check CHECK (((lifted_at IS NULL) = (lifted_by IS NULL)))
  constraint recall_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES audit_entry(id)
  constraint recall_feed_id_fkey FOREIGN KEY (feed_id) REFERENCES feed(id)
  constraint recall_lifted_by_fkey FOREIGN KEY (lifted_by) REFERENCES promotion(id)
  constraint recall_pkey PRIMARY KEY (id)
  constraint recall_reason_check CHECK ((length(TRIM(BOTH FROM reason)) > 0))
  constraint recall_recalled_by_fkey FOREIGN KEY (recalled_by) REFERENCES principal(id)
  CREATE INDEX recall_at_idx ON public.recall USING btree (at DESC, id DESC)
  CREATE UNIQUE INDEX recall_standing_key ON public.recall USING btree (digest, feed_id) WHERE (lifted_at IS NULL)
  CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.recall FOR EACH STATEMENT EXECUTE FUNCTION append_only() (always)
  CREATE TRIGGER guard BEFORE INSERT OR DELETE OR UPDATE ON public.recall FOR EACH ROW EXECUTE FUNCTION guard_recall() (always)
  rights sluice_api: insert, select; sluice_worker: select
table public.registry_pause of sluice_owner
  host text not null
  until timestamp(3) with time zone not null
  at timestamp(3) with time zone not null default now()
  constraint registry_pause_pkey PRIMARY KEY (host)
  rights sluice_api: select; sluice_worker: delete, insert, select, update
table public.remote_alert of sluice_owner
  id uuid not null
  repository_id uuid not null
  tag text collate "C" not null
  expected text
  seen text
  first_seen timestamp(3) with time zone not null default now()
  last_seen timestamp(3) with time zone not null default now()
  entry_id uuid not null
  resolved_at timestamp(3) with time zone
  resolved_by uuid
  resolution text
  comment text
  resolved_entry_id uuid
  constraint remote_alert_check CHECK ((expected IS DISTINCT FROM seen))
  constraint remote_alert_check1 CHECK ((num_nulls(resolved_at, resolution, resolved_entry_id) = ANY (ARRAY[0, 3])))
  constraint remote_alert_check2 CHECK (((resolution IS DISTINCT FROM 'accept-removed'::text) OR ((seen IS NULL) AND (expected IS NOT NULL))))
  constraint remote_alert_check3 CHECK (((resolved_by IS NULL) OR (length(TRIM(BOTH FROM comment)) > 0)))
  constraint remote_alert_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES audit_entry(id)
  constraint remote_alert_pkey PRIMARY KEY (id)
  constraint remote_alert_repository_id_fkey FOREIGN KEY (repository_id) REFERENCES repository(id)
  constraint remote_alert_resolution_check CHECK ((resolution = ANY (ARRAY['restored'::text, 'accept-removed'::text, 'accepted'::text])))
  constraint remote_alert_resolved_by_fkey FOREIGN KEY (resolved_by) REFERENCES principal(id)
  constraint remote_alert_resolved_entry_id_fkey FOREIGN KEY (resolved_entry_id) REFERENCES audit_entry(id)
  CREATE INDEX remote_alert_first_seen_idx ON public.remote_alert USING btree (first_seen DESC, id DESC)
  CREATE INDEX remote_alert_tag_idx ON public.remote_alert USING btree (repository_id, tag, resolved_at)
  CREATE UNIQUE INDEX remote_alert_open_key ON public.remote_alert USING btree (repository_id, tag) WHERE (resolved_at IS NULL)
  CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.remote_alert FOR EACH STATEMENT EXECUTE FUNCTION append_only() (always)
  CREATE TRIGGER guard BEFORE INSERT OR DELETE OR UPDATE ON public.remote_alert FOR EACH ROW EXECUTE FUNCTION guard_remote_alert() (always)
  rights sluice_api: insert, select; sluice_worker: insert, select
  rights on expected sluice_api: update; sluice_worker: update
  rights on seen sluice_api: update; sluice_worker: update
  rights on last_seen sluice_api: update; sluice_worker: update
  rights on resolved_at sluice_api: update; sluice_worker: update
  rights on resolved_by sluice_api: update; sluice_worker: update
  rights on resolution sluice_api: update; sluice_worker: update
  rights on comment sluice_api: update; sluice_worker: update
  rights on resolved_entry_id sluice_api: update; sluice_worker: update
table public.remote_hint of sluice_owner
  feed_id uuid not null
  repository text not null
  tag text collate "C" not null default ''::text
  at timestamp(3) with time zone not null default now()
  due_at timestamp(3) with time zone not null default now()
  constraint remote_hint_feed_id_fkey FOREIGN KEY (feed_id) REFERENCES feed(id)
  constraint remote_hint_pkey PRIMARY KEY (feed_id, repository, tag)
  CREATE INDEX remote_hint_due_at_idx ON public.remote_hint USING btree (due_at)
  CREATE TRIGGER notify AFTER INSERT OR UPDATE ON public.remote_hint FOR EACH STATEMENT EXECUTE FUNCTION notify_due('hints') (origin)
  rights sluice_api: insert, select, update; sluice_worker: delete, select, update
table public.remote_tag of sluice_owner
  repository_id uuid not null
  name text collate "C" not null
  digest text not null
  moved_at timestamp(3) with time zone not null default now()
  observed_at timestamp(3) with time zone not null default now()
  constraint remote_tag_pkey PRIMARY KEY (repository_id, name)
  constraint remote_tag_repository_id_fkey FOREIGN KEY (repository_id) REFERENCES repository(id)
  CREATE INDEX remote_tag_digest_idx ON public.remote_tag USING btree (digest)
  CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON public.remote_tag FOR EACH ROW EXECUTE FUNCTION guard_remote_tag() (always)
  rights sluice_api: delete, insert, select, update; sluice_worker: delete, insert, select, update
table public.repository of sluice_owner
  id uuid not null
  feed_id uuid not null
  name text not null
  created_at timestamp(3) with time zone not null default now()
  constraint repository_feed_id_fkey FOREIGN KEY (feed_id) REFERENCES feed(id)
  constraint repository_feed_id_name_key UNIQUE (feed_id, name)
  constraint repository_pkey PRIMARY KEY (id)
  CREATE TRIGGER guard BEFORE INSERT OR DELETE OR UPDATE ON public.repository FOR EACH ROW EXECUTE FUNCTION guard_repository() (always)
  rights sluice_api: insert, select; sluice_worker: insert, select
table public.repository_blob of sluice_owner
  repository_id uuid not null
  digest text not null
  linked_at timestamp(3) with time zone not null default now()
  admission_id uuid
  constraint repository_blob_admission_id_fkey FOREIGN KEY (admission_id) REFERENCES admission(id)
  constraint repository_blob_digest_fkey FOREIGN KEY (digest) REFERENCES blob(digest)
  constraint repository_blob_pkey PRIMARY KEY (repository_id, digest)
  constraint repository_blob_repository_id_fkey FOREIGN KEY (repository_id) REFERENCES repository(id)
  CREATE INDEX repository_blob_digest_idx ON public.repository_blob USING btree (digest)
  CREATE TRIGGER count_link AFTER INSERT OR DELETE ON public.repository_blob FOR EACH ROW EXECUTE FUNCTION count_link() (always)
  CREATE TRIGGER guard_membership BEFORE INSERT OR DELETE OR UPDATE ON public.repository_blob FOR EACH ROW EXECUTE FUNCTION guard_membership() (always)
  CREATE TRIGGER remote_blob BEFORE INSERT ON public.repository_blob FOR EACH ROW EXECUTE FUNCTION refuse_remote_blob() (always)
  rights sluice_api: delete, insert, select, update; sluice_worker: select
table public.repository_manifest of sluice_owner
  repository_id uuid not null
  digest text not null
  media_type text not null
  pushed_at timestamp(3) with time zone not null default now()
  pushed_by uuid
  admission_id uuid
  constraint repository_manifest_admission_id_fkey FOREIGN KEY (admission_id) REFERENCES admission(id)
  constraint repository_manifest_digest_fkey FOREIGN KEY (digest) REFERENCES manifest(digest)
  constraint repository_manifest_pkey PRIMARY KEY (repository_id, digest)
  constraint repository_manifest_pushed_by_fkey FOREIGN KEY (pushed_by) REFERENCES principal(id)
  constraint repository_manifest_repository_id_fkey FOREIGN KEY (repository_id) REFERENCES repository(id)
  CREATE INDEX repository_manifest_digest_idx ON public.repository_manifest USING btree (digest)
  CREATE TRIGGER guard_membership BEFORE INSERT OR DELETE OR UPDATE ON public.repository_manifest FOR EACH ROW EXECUTE FUNCTION guard_membership() (always)
  rights sluice_api: delete, insert, select, update; sluice_worker: select
table public.request of sluice_owner
  id uuid not null
  lane_id uuid not null
  lane_version integer not null
  state text not null
  requester_id uuid not null
  requester_persons uuid[] not null
  set_digest text not null
  bound_hash text not null
  reason text
  links jsonb not null default '{}'::jsonb
  created_at timestamp(3) with time zone not null default now()
  expires_at timestamp(3) with time zone not null
  decided_at timestamp(3) with time zone
  entry_id uuid not null
  kind text not null default 'promote'::text
  recall_id uuid
  constraint back_needs_a_reason CHECK (((kind = 'promote'::text) OR (length(TRIM(BOTH FROM reason)) > 0)))
  constraint request_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES audit_entry(id)
  constraint request_kind_check CHECK ((kind = ANY (ARRAY['promote'::text, 'rollback'::text, 'restore'::text, 'break-glass'::text])))
  constraint request_lane_id_lane_version_fkey FOREIGN KEY (lane_id, lane_version) REFERENCES lane_version(lane_id, version)
  constraint request_pkey PRIMARY KEY (id)
  constraint request_recall_id_fkey FOREIGN KEY (recall_id) REFERENCES recall(id)
  constraint request_requester_id_fkey FOREIGN KEY (requester_id) REFERENCES principal(id)
  constraint request_state_check CHECK ((state = ANY (ARRAY['PENDING'::text, 'APPROVED'::text, 'REJECTED'::text, 'CANCELLED'::text, 'EXPIRED'::text, 'INVALIDATED'::text])))
  constraint restore_names_its_recall CHECK (((kind = 'restore'::text) = (recall_id IS NOT NULL)))
  CREATE INDEX request_any_set_digest_idx ON public.request USING btree (set_digest)
  CREATE INDEX request_created_at_idx ON public.request USING btree (created_at DESC, id DESC)
  CREATE INDEX request_decided_at_idx ON public.request USING btree (decided_at) WHERE (decided_at IS NOT NULL)
  CREATE INDEX request_expires_at_idx ON public.request USING btree (expires_at) WHERE (state = ANY (ARRAY['PENDING'::text, 'APPROVED'::text]))
  CREATE INDEX request_lane_idx ON public.request USING btree (lane_id, created_at DESC, id DESC)
  CREATE INDEX request_requester_id_idx ON public.request USING btree (requester_id, created_at DESC, id DESC)
  CREATE INDEX request_set_digest_idx ON public.request USING btree (set_digest) WHERE (state = ANY (ARRAY['PENDING'::text, 'APPROVED'::text]))
  CREATE INDEX request_state_idx ON public.request USING btree (state, created_at DESC, id DESC)
  CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON public.request FOR EACH ROW EXECUTE FUNCTION guard_request() (always)
  CREATE TRIGGER guard_intent BEFORE UPDATE OF state ON public.request FOR EACH ROW EXECUTE FUNCTION guard_intent() (always)
  CREATE TRIGGER notify AFTER INSERT OR UPDATE OF state ON public.request FOR EACH ROW EXECUTE FUNCTION notify_request() (origin)
  rights sluice_api: insert, select; sluice_worker: select
  rights on state sluice_api: update; sluice_worker: update
  rights on decided_at sluice_api: update; sluice_worker: update
table public.request_item of sluice_owner
  request_id uuid not null
  position integer not null
  source_repository_id uuid not null
  source_tag text
  digest text not null
  media_type text not null
  platforms jsonb not null
  target_repository text not null
  manifests integer not null
  blobs integer not null
  bytes bigint not null
  constraint request_item_pkey PRIMARY KEY (request_id, "position")
  constraint request_item_position_check CHECK (("position" >= 0))
  constraint request_item_request_id_fkey FOREIGN KEY (request_id) REFERENCES request(id)
  constraint request_item_source_repository_id_fkey FOREIGN KEY (source_repository_id) REFERENCES repository(id)
  CREATE INDEX request_item_digest_idx ON public.request_item USING btree (digest)
  CREATE INDEX request_item_source_repository_id_idx ON public.request_item USING btree (source_repository_id)
  CREATE INDEX request_item_source_tag_idx ON public.request_item USING btree (source_tag COLLATE "C")
  CREATE INDEX request_item_target_repository_idx ON public.request_item USING btree (target_repository)
  CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON public.request_item FOR EACH ROW EXECUTE FUNCTION append_only() (always)
  CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.request_item FOR EACH STATEMENT EXECUTE FUNCTION append_only() (always)
  CREATE TRIGGER guard BEFORE INSERT ON public.request_item FOR EACH ROW EXECUTE FUNCTION guard_request_part() (always)
  rights sluice_api: insert, select; sluice_worker: select
table public.request_target of sluice_owner
  request_id uuid not null
  position integer not null
  tag text not null
  expected_digest text
  constraint request_target_pkey PRIMARY KEY (request_id, "position", tag)
  constraint request_target_request_id_position_fkey FOREIGN KEY (request_id, "position") REFERENCES request_item(request_id, "position")
  CREATE INDEX request_target_tag_idx ON public.request_target USING btree (tag COLLATE "C")
  CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON public.request_target FOR EACH ROW EXECUTE FUNCTION append_only() (always)
  CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.request_target FOR EACH STATEMENT EXECUTE FUNCTION append_only() (always)
  CREATE TRIGGER guard BEFORE INSERT ON public.request_target FOR EACH ROW EXECUTE FUNCTION guard_request_part() (always)
  rights sluice_api: insert, select; sluice_worker: select
table public.robot of sluice_owner
  id uuid not null
  name text not null
  created_by uuid not null
  disabled_at timestamp(3) with time zone
  created_at timestamp(3) with time zone not null default now()
  constraint robot_created_by_fkey FOREIGN KEY (created_by) REFERENCES person(id)
  constraint robot_id_fkey FOREIGN KEY (id) REFERENCES principal(id)
  constraint robot_name_key UNIQUE (name)
  constraint robot_pkey PRIMARY KEY (id)
  rights sluice_api: insert, select, update; sluice_worker: select
table public.running_image of sluice_owner
  id bigint not null generated always as identity
  site_id uuid not null
  digest text collate "C" not null
  images text[] not null default '{}'::text[]
  began_at timestamp(3) with time zone not null default now()
  ended_at timestamp(3) with time zone
  constraint running_image_pkey PRIMARY KEY (id)
  constraint running_image_site_id_fkey FOREIGN KEY (site_id) REFERENCES site(id)
  CREATE INDEX running_image_digest_idx ON public.running_image USING btree (digest, id DESC)
  CREATE INDEX running_image_site_idx ON public.running_image USING btree (site_id, id DESC)
  CREATE UNIQUE INDEX running_image_now_key ON public.running_image USING btree (digest, site_id) WHERE (ended_at IS NULL)
  CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.running_image FOR EACH STATEMENT EXECUTE FUNCTION append_only() (always)
  CREATE TRIGGER guard BEFORE INSERT OR DELETE OR UPDATE ON public.running_image FOR EACH ROW EXECUTE FUNCTION guard_running_image() (always)
  rights sluice_api: insert, select; sluice_worker: select
  rights on images sluice_api: update
  rights on ended_at sluice_api: update
table public.site of sluice_owner
  id uuid not null
  name text collate "C" not null
  stale_hours integer not null default 24
  created_at timestamp(3) with time zone not null default now()
  reported_at timestamp(3) with time zone
  reported_by uuid
  deleted_at timestamp(3) with time zone
  constraint site_check CHECK (((reported_at IS NULL) = (reported_by IS NULL)))
  constraint site_name_check CHECK (((name ~ '^[a-z0-9]([a-z0-9._@-]*[a-z0-9])?$'::text) AND (length(name) <= 64)))
  constraint site_pkey PRIMARY KEY (id)
  constraint site_reported_by_fkey FOREIGN KEY (reported_by) REFERENCES principal(id)
  constraint site_stale_hours_check CHECK (((stale_hours >= 1) AND (stale_hours <= 8760)))
  CREATE UNIQUE INDEX site_name_key ON public.site USING btree (name) WHERE (deleted_at IS NULL)
  CREATE TRIGGER guard BEFORE DELETE OR UPDATE ON public.site FOR EACH ROW EXECUTE FUNCTION guard_site() (always)
  rights sluice_api: insert, select; sluice_worker: select
  rights on stale_hours sluice_api: update
  rights on reported_at sluice_api: update
  rights on reported_by sluice_api: update
  rights on deleted_at sluice_api: update
table public.site_reporter of sluice_owner
  site_id uuid not null
  principal_id uuid not null
  constraint site_reporter_pkey PRIMARY KEY (site_id, principal_id)
  constraint site_reporter_principal_id_fkey FOREIGN KEY (principal_id) REFERENCES principal(id)
  constraint site_reporter_site_id_fkey FOREIGN KEY (site_id) REFERENCES site(id)
  CREATE INDEX site_reporter_principal_id_idx ON public.site_reporter USING btree (principal_id)
  rights sluice_api: delete, insert, select
table public.staged_member of sluice_owner
  promotion_id uuid not null
  position integer not null
  digest text not null
  kind text not null
  media_type text not null
  size bigint not null
  verified_at timestamp(3) with time zone
  constraint staged_member_kind_check CHECK ((kind = ANY (ARRAY['manifest'::text, 'blob'::text])))
  constraint staged_member_pkey PRIMARY KEY (promotion_id, "position", digest)
  constraint staged_member_promotion_id_fkey FOREIGN KEY (promotion_id) REFERENCES promotion(id)
  CREATE INDEX staged_member_digest_idx ON public.staged_member USING btree (digest)
  rights sluice_api: select; sluice_worker: delete, insert, select, update
table public.storage_owner of sluice_owner
  singleton boolean not null default true
  id uuid not null default gen_random_uuid()
  constraint storage_owner_pkey PRIMARY KEY (singleton)
  constraint storage_owner_singleton_check CHECK (singleton)
  rights sluice_api: select; sluice_worker: select
table public.storage_removal of sluice_owner
  storage_key text not null
  reason text not null
  since timestamp(3) with time zone not null default now()
  constraint storage_removal_pkey PRIMARY KEY (storage_key)
  constraint storage_removal_reason_check CHECK ((reason = ANY (ARRAY['blob'::text, 'upload'::text, 'healed'::text, 'purged'::text])))
  CREATE INDEX storage_removal_since_idx ON public.storage_removal USING btree (since)
  rights sluice_api: select; sluice_worker: delete, select
table public.tag of sluice_owner
  repository_id uuid not null
  name text collate "C" not null
  digest text not null
  moved_at timestamp(3) with time zone not null default now()
  constraint tag_name_check CHECK ((name ~ '^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$'::text))
  constraint tag_pkey PRIMARY KEY (repository_id, name)
  constraint tag_repository_id_digest_fkey FOREIGN KEY (repository_id, digest) REFERENCES repository_manifest(repository_id, digest)
  CREATE INDEX tag_digest_idx ON public.tag USING btree (digest)
  CREATE TRIGGER guard_membership BEFORE INSERT OR DELETE OR UPDATE ON public.tag FOR EACH ROW EXECUTE FUNCTION guard_membership() (always)
  CREATE TRIGGER guard_tag BEFORE INSERT OR DELETE OR UPDATE ON public.tag FOR EACH ROW EXECUTE FUNCTION guard_tag() (always)
  rights sluice_api: delete, insert, select, update; sluice_worker: select
table public.tag_move of sluice_owner
  id bigint not null generated always as identity
  repository_id uuid not null
  tag text collate "C" not null
  from_digest text
  to_digest text
  at timestamp(3) with time zone not null default now()
  actor_id uuid
  promotion_id uuid
  entry_id uuid
  feed_id uuid not null
  observed boolean not null default false
  constraint tag_move_actor_id_fkey FOREIGN KEY (actor_id) REFERENCES principal(id)
  constraint tag_move_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES audit_entry(id)
  constraint tag_move_names_who CHECK (((actor_id IS NOT NULL) OR (promotion_id IS NOT NULL) OR (entry_id IS NOT NULL) OR observed))
  constraint tag_move_pkey PRIMARY KEY (id)
  constraint tag_move_promotion_id_fkey FOREIGN KEY (promotion_id) REFERENCES promotion(id)
  constraint tag_move_repository_id_fkey FOREIGN KEY (repository_id) REFERENCES repository(id)
  CREATE INDEX tag_move_actor_idx ON public.tag_move USING btree (actor_id, at, id) WHERE (actor_id IS NOT NULL)
  CREATE INDEX tag_move_feed_idx ON public.tag_move USING btree (feed_id, at, id)
  CREATE INDEX tag_move_feed_tag_idx ON public.tag_move USING btree (feed_id, tag, at, id)
  CREATE INDEX tag_move_from_idx ON public.tag_move USING btree (from_digest, at, id) WHERE (from_digest IS NOT NULL)
  CREATE INDEX tag_move_promotion_idx ON public.tag_move USING btree (promotion_id) WHERE (promotion_id IS NOT NULL)
  CREATE INDEX tag_move_repository_idx ON public.tag_move USING btree (repository_id, at, id)
  CREATE INDEX tag_move_tag_idx ON public.tag_move USING btree (repository_id, tag, id)
  CREATE INDEX tag_move_to_idx ON public.tag_move USING btree (to_digest, at, id) WHERE (to_digest IS NOT NULL)
  CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON public.tag_move FOR EACH ROW EXECUTE FUNCTION append_only() (always)
  CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.tag_move FOR EACH STATEMENT EXECUTE FUNCTION append_only() (always)
  CREATE TRIGGER guard_membership BEFORE INSERT OR DELETE OR UPDATE ON public.tag_move FOR EACH ROW EXECUTE FUNCTION guard_membership() (always)
  CREATE TRIGGER observed BEFORE INSERT ON public.tag_move FOR EACH ROW WHEN (new.observed) EXECUTE FUNCTION guard_observed_move() (always)
  CREATE TRIGGER stamp_feed BEFORE INSERT ON public.tag_move FOR EACH ROW EXECUTE FUNCTION stamp_feed() (always)
  rights sluice_api: insert, select; sluice_worker: select
table public.ticket_state of sluice_owner
  id uuid not null
  request_id uuid not null
  ticket text not null
  state text not null
  key_name text not null
  at timestamp(3) with time zone not null
  received_at timestamp(3) with time zone not null default now()
  entry_id uuid not null
  constraint ticket_state_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES audit_entry(id)
  constraint ticket_state_once UNIQUE (request_id, key_name, ticket, state, at)
  constraint ticket_state_pkey PRIMARY KEY (id)
  constraint ticket_state_request_id_fkey FOREIGN KEY (request_id) REFERENCES request(id)
  CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON public.ticket_state FOR EACH ROW EXECUTE FUNCTION append_only() (always)
  CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.ticket_state FOR EACH STATEMENT EXECUTE FUNCTION append_only() (always)
  CREATE TRIGGER guard BEFORE INSERT ON public.ticket_state FOR EACH ROW EXECUTE FUNCTION guard_ticket_state() (always)
  rights sluice_api: insert, select; sluice_worker: select
table public.token of sluice_owner
  id uuid not null
  principal_id uuid not null
  owner_id uuid not null
  kind text not null
  name text not null
  secret_hash bytea not null
  scopes text[] not null
  created_at timestamp(3) with time zone not null default now()
  expires_at timestamp(3) with time zone not null
  revoked_at timestamp(3) with time zone
  last_used_at timestamp(3) with time zone
  constraint token_kind_check CHECK ((kind = ANY (ARRAY['session'::text, 'api'::text, 'refresh'::text])))
  constraint token_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES person(id)
  constraint token_pkey PRIMARY KEY (id)
  constraint token_principal_id_fkey FOREIGN KEY (principal_id) REFERENCES principal(id)
  constraint token_secret_hash_key UNIQUE (secret_hash)
  CREATE INDEX token_principal_id_idx ON public.token USING btree (principal_id)
  rights sluice_api: delete, insert, select, update
table public.tombstone of sluice_owner
  digest text not null
  purge_id uuid not null
  repository_ids uuid[] not null
  same_as text
  constraint tombstone_pkey PRIMARY KEY (digest)
  constraint tombstone_purge_id_fkey FOREIGN KEY (purge_id) REFERENCES purge(id)
  constraint tombstone_same_as_fkey FOREIGN KEY (same_as) REFERENCES tombstone(digest)
  CREATE INDEX tombstone_purge_id_idx ON public.tombstone USING btree (purge_id)
  CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON public.tombstone FOR EACH ROW EXECUTE FUNCTION append_only() (always)
  CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON public.tombstone FOR EACH STATEMENT EXECUTE FUNCTION append_only() (always)
  rights sluice_api: select; sluice_worker: select
table public.upkeep of sluice_owner
  work text not null
  ended_at timestamp(3) with time zone not null default now()
  result jsonb not null
  constraint upkeep_pkey PRIMARY KEY (work)
  constraint upkeep_work_check CHECK ((work = ANY (ARRAY['collect'::text, 'scrub'::text])))
  rights sluice_api: select; sluice_worker: insert, select, update
table public.upload of sluice_owner
  id uuid not null
  repository_id uuid not null
  principal_id uuid not null
  storage_key text not null
  received bigint not null default 0
  claim_id uuid
  claim_until timestamp(3) with time zone
  created_at timestamp(3) with time zone not null default now()
  updated_at timestamp(3) with time zone not null default now()
  hashed_digest text
  hashed_by uuid
  constraint upload_hashed_whole CHECK (((hashed_digest IS NULL) = (hashed_by IS NULL)))
  constraint upload_pkey PRIMARY KEY (id)
  constraint upload_principal_id_fkey FOREIGN KEY (principal_id) REFERENCES principal(id)
  constraint upload_repository_id_fkey FOREIGN KEY (repository_id) REFERENCES repository(id)
  constraint upload_storage_key_key UNIQUE (storage_key)
  CREATE INDEX upload_updated_at_idx ON public.upload USING btree (updated_at)
  CREATE TRIGGER proxy_upload BEFORE INSERT ON public.upload FOR EACH ROW EXECUTE FUNCTION refuse_proxy_upload() (always)
  CREATE TRIGGER remote_blob BEFORE INSERT ON public.upload FOR EACH ROW EXECUTE FUNCTION refuse_remote_blob() (always)
  rights sluice_api: delete, insert, select, update; sluice_worker: select
table public.user_group of sluice_owner
  id uuid not null
  name text not null
  created_at timestamp(3) with time zone not null default now()
  constraint user_group_id_fkey FOREIGN KEY (id) REFERENCES principal(id)
  constraint user_group_name_key UNIQUE (name)
  constraint user_group_pkey PRIMARY KEY (id)
  rights sluice_api: delete, insert, select, update; sluice_worker: select

-- ── functions ──

CREATE OR REPLACE FUNCTION public.admit(p_promotion uuid, p_attempt integer, p_worker text, p_entry uuid)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare v_run record; v_promotion promotion; v_request request; v_feed feed; v_lost record;
begin
  select * into v_run from hold_run(p_promotion, p_attempt, p_worker);
  v_promotion := v_run.held_promotion;
  v_request := v_run.held_request;
  perform require_entry(p_entry, 'promotion:' || p_promotion);
  select f.* into v_feed from lane l join feed f on f.id = l.to_feed_id where l.id = v_request.lane_id;
  if v_feed.kind <> 'remote' then
    perform require_admissible(p_promotion, v_request);
  else
    if v_promotion.intended_at is null then
      perform refuse('promotion_state', 'the tags of a remote feed are set after an intent');
    end if;
    select i.target_repository, t.tag into v_lost
      from request_target t join request_item i on i.request_id = t.request_id and i.position = t.position
      where t.request_id = v_request.id and not exists (
        select from commit_intent c where c.feed_id = v_feed.id and c.repository = i.target_repository and c.tag = t.tag
          and c.promotion_id = p_promotion and c.attempt = p_attempt)
      limit 1;
    if found then
      perform refuse('target_moved', format('%s:%s is not this promotion''s to set', v_lost.target_repository, v_lost.tag));
    end if;
    perform hold_recalls(v_request.kind);
  end if;
  perform let_in(v_promotion, v_request, v_feed, p_entry);
end $function$

owner sluice_owner; rights sluice_worker: execute

CREATE OR REPLACE FUNCTION public.admit_referrer(p_id uuid, p_admission uuid, p_subject text, p_digest text, p_tag text, p_carries jsonb, p_entry uuid)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare v_admission admission; v_remote boolean; v_missing text; v_now text; v_media_type text; v_moved boolean;
begin
  select * into v_admission from admission where id = p_admission;
  if not found then
    perform refuse('not_admitted', 'there is no such admission');
  end if;
  perform require_entry(p_entry, 'referrer:' || p_id, 'system');
  v_remote := is_remote(v_admission.repository_id);
  if not v_remote then
    -- The share lock keeps a collector from unlinking what is about to be linked.
    perform from blob b where b.digest in (select child_digest from manifest_edge where parent_digest = p_digest) order by b.digest for share;
    perform require_late(v_admission, p_subject, p_digest, p_tag, p_carries);
    select string_agg(e.child_digest, ', ') into v_missing from manifest_edge e
      where e.parent_digest = p_digest and not exists (
        select from blob b where b.digest = e.child_digest and b.size = e.size and b.quarantined_at is null);
    if v_missing is not null then
      perform refuse('closure_incomplete', format('not stored, or quarantined: %s', left(v_missing, 500)));
    end if;
  elsif not exists (select from late_referrer where id = p_id and admission_id = p_admission and subject = p_subject
                      and digest = p_digest and tag = p_tag and state = 'intended') then
    perform refuse('not_admitted', 'what goes to a registry elsewhere is intended first');
  end if;
  -- Of what its source has lost since, its own bytes say it.
  select coalesce(rm.media_type, convert_from(m.bytes, 'UTF8')::jsonb ->> 'mediaType') into v_media_type
    from promotion p join request_item i on i.request_id = p.request_id and i.position = v_admission.position
    join manifest m on m.digest = p_digest
    left join repository_manifest rm on rm.repository_id = i.source_repository_id and rm.digest = m.digest
    where p.id = v_admission.promotion_id;
  insert into repository_blob (repository_id, digest, admission_id)
    select distinct v_admission.repository_id, e.child_digest, v_admission.id from manifest_edge e
    where e.parent_digest = p_digest and not v_remote order by 2 on conflict do nothing;
  insert into repository_manifest (repository_id, digest, media_type, admission_id)
    values (v_admission.repository_id, p_digest, coalesce(v_media_type, 'application/vnd.oci.image.manifest.v1+json'), v_admission.id)
    on conflict do nothing;
  if p_tag <> '' then
    select digest into v_now from tag where repository_id = v_admission.repository_id and name = p_tag for update;
    if not v_remote then
      perform require_signature_tag(v_admission, p_tag, p_digest, v_now);
    end if;
    insert into tag (repository_id, name, digest) values (v_admission.repository_id, p_tag, p_digest)
      on conflict (repository_id, name) do update set digest = excluded.digest, moved_at = now()
      where tag.digest is not distinct from v_now and tag.digest <> excluded.digest;
    v_moved := found;
    if not v_moved and v_now is distinct from p_digest then
      perform refuse('target_moved', format('the tag %s was moved meanwhile', p_tag));
    end if;
    insert into tag_move (repository_id, tag, from_digest, to_digest, promotion_id)
      select v_admission.repository_id, p_tag, v_now, p_digest, v_admission.promotion_id where v_moved;
    if v_remote then
      insert into remote_tag (repository_id, name, digest) values (v_admission.repository_id, p_tag, p_digest)
        on conflict (repository_id, name) do update set digest = excluded.digest;
      update commit_intent set committed_at = now(), free_at = case when sendings = 1 then now() else free_at end
        where feed_id = v_admission.feed_id and repository = (select name from repository where id = v_admission.repository_id)
          and tag = p_tag and digest = p_digest;
    end if;
  end if;
  perform record_late(p_id, p_admission, p_subject, p_digest, p_tag, p_carries, 'admitted', p_entry);
end $function$

owner sluice_owner; rights sluice_worker: execute

CREATE OR REPLACE FUNCTION public.append_only()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  perform refuse('append_only', format('%s rows are written once; %s is refused', tg_table_name, lower(tg_op)));
  return null;
end $function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.awaited(p_digest text)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
  select exists (
      select from closure_member c join request r on r.id = c.request_id
      where c.digest = p_digest and (r.state = 'PENDING' or r.state = 'APPROVED' and not exists (
        select from promotion p where p.request_id = r.id and p.state in ('SUCCEEDED', 'FAILED'))))
    or exists (
      select from staged_member s join promotion p on p.id = s.promotion_id
      where s.digest = p_digest and p.state in ('QUEUED', 'RUNNING', 'ERRORED'))
    or exists (
      select from late_referrer l join admission a on a.id = l.admission_id join feed f on f.id = a.feed_id
      where l.digest = p_digest and l.state = 'intended' and f.deleted_at is null)
    or exists (
      select from manifest_edge e join late_referrer l on l.digest = e.parent_digest
        join admission a on a.id = l.admission_id join feed f on f.id = a.feed_id
      where e.child_digest = p_digest and l.state = 'intended' and f.deleted_at is null)
$function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.blob_needed(p_digest text, p_but text[])
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
  select exists (
    select from manifest_edge e
    where e.child_digest = p_digest and e.kind <> 'manifest' and e.parent_digest <> all (p_but)
      and (exists (select from repository_manifest rm where rm.digest = e.parent_digest) or awaited(e.parent_digest)))
$function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.closed_gates(p_request request, p_report jsonb, p_patient boolean)
 RETURNS text
 LANGUAGE sql
 STABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
  with asked as (
    -- The pusher is looked at by the gate `requester`; what leads back is only decided, and break-glass not even that.
    select k as gate from lane_version v, jsonb_object_keys(v.policy -> 'gates') k
      where v.lane_id = p_request.lane_id and v.version = p_request.lane_version and p_request.kind = 'promote' and k <> 'pusher'
    union select unnest(array['quorum', 'requester']) where p_request.kind <> 'break-glass'
  ), found as (
    select g ->> 'gate' as gate,
      coalesce(g ->> 'verdict' = 'pass' or p_patient and g ->> 'verdict' = 'wait' and g ->> 'until' is not null, false) as open
    from jsonb_array_elements(p_report -> 'gates') g
  )
  select string_agg(gate, ', ' order by gate) from (
    select gate from asked where gate not in (select gate from found) union select gate from found where not open) closed
$function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.collect_blob(p_digest text, p_grace interval)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare v_before timestamptz := collectable_before(p_grace); v_key text;
begin
  perform from blob where digest = p_digest for update skip locked;
  if not found then
    return null;
  end if;
  delete from blob b where b.digest = p_digest and b.stored_at < v_before
    and not exists (select from repository_blob rb where rb.digest = b.digest)
    and not awaited(b.digest)
    returning storage_key into v_key;
  if v_key is not null then
    insert into storage_removal (storage_key, reason) values (v_key, 'blob') on conflict do nothing;
  end if;
  return v_key;
end $function$

owner sluice_owner; rights sluice_worker: execute

CREATE OR REPLACE FUNCTION public.collect_manifest(p_digest text, p_grace interval)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare v_before timestamptz := collectable_before(p_grace);
begin
  perform from manifest where digest = p_digest for update skip locked;
  if not found then
    return false;
  end if;
  perform from manifest m where m.digest = p_digest and m.stored_at < v_before
    and not exists (select from repository_manifest rm where rm.digest = m.digest)
    and not awaited(m.digest);
  if not found then
    return false;
  end if;
  delete from manifest_edge where parent_digest = p_digest;
  delete from manifest where digest = p_digest;
  return true;
end $function$

owner sluice_owner; rights sluice_worker: execute

CREATE OR REPLACE FUNCTION public.collectable_before(grace interval)
 RETURNS timestamp with time zone
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  -- The second look of each function below must see what was committed while it got its lock.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'garbage is collected in READ COMMITTED transactions';
  end if;
  return now() - greatest(grace, interval '1 hour');
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.confirm_purge(p_purge uuid, p_person uuid, p_entry uuid)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare v_purge purge; v_reach text[]; v_blobs text[]; v_feed uuid;
begin
  -- Every look below must see what was committed while it waited for the locks above it.
  perform collectable_before('1 hour');
  select * into v_purge from purge where id = p_purge for update;
  if v_purge.confirmed_at is not null then
    perform refuse('purged', format('%s was purged already', v_purge.digest));
  end if;
  select feed_id into v_feed from recall where id = v_purge.recall_id;
  if p_person = v_purge.opened_by then
    perform refuse('self_approval', 'who opened a purge cannot confirm it; it takes another person');
  end if;
  if not exists (
    select from person p where p.id = p_person and p.disabled_at is null and ('admin' = any (p.roles) or exists (
      select from access_grant g where g.feed_id = v_feed and 'recall' = any (g.verbs)
        and (g.principal_id = p.id or g.principal_id in (select m.group_id from group_member m where m.person_id = p.id))))) then
    perform refuse('purge_not_granted', 'a purge is confirmed by a person with the role admin, or a recall grant on the feed');
  end if;
  if exists (select from credential c where c.person_id = p_person and c.set_by = v_purge.opened_by) then
    perform refuse('password_known_to_requester', 'who opened the purge set this person''s password; it must be changed first');
  end if;
  perform require_entry(p_entry, 'purge:' || p_purge, 'person:' || p_person);

  -- Links before blobs before recalls before manifests: as pushes and `admit` take them.
  v_blobs := array(select e.child_digest from manifest_edge e
      where e.parent_digest = any (purge_reach(v_purge.digest)) and e.kind <> 'manifest'
    union select unnest(digests_of(m.bytes)) from manifest m where m.digest = any (purge_reach(v_purge.digest)));
  perform from repository_blob where digest = any (v_blobs) order by repository_id, digest for update;
  perform from blob where digest = any (v_blobs) order by digest for update;
  lock table recall in share row exclusive mode;
  if not exists (select from recall where id = v_purge.recall_id and lifted_at is null) then
    perform refuse('not_recalled', format('the recall of %s was lifted', v_purge.digest));
  end if;
  -- Who is about to store the same bytes under their other digest is seen by the look below, or sees the tombstone.
  lock table manifest in share row exclusive mode;
  perform from repository_manifest where digest = any (purge_reach(v_purge.digest)) order by repository_id, digest for update;
  v_reach := purge_reach(v_purge.digest);
  perform from manifest where digest = any (v_reach) order by digest for update;

  update purge set confirmed_by = p_person, confirmed_at = now(), confirmed_entry_id = p_entry where id = p_purge;
  insert into tombstone (digest, purge_id, repository_ids)
    select d.digest, p_purge, array(select distinct rm.repository_id from same_bytes(d.digest) same (digest)
      join repository_manifest rm on rm.digest = same.digest)
    from unnest(v_reach) d (digest) on conflict (digest) do nothing;
  insert into tombstone (digest, purge_id, repository_ids, same_as)
    select other.digest, p_purge, t.repository_ids, t.digest
    from tombstone t join manifest m on m.digest = t.digest cross join unnest(digests_of(m.bytes)) other (digest)
    where t.purge_id = p_purge on conflict (digest) do nothing;

  with gone as (delete from tag where digest = any (v_reach) returning repository_id, name, digest)
  insert into tag_move (repository_id, tag, from_digest, actor_id, entry_id)
    select repository_id, name, digest, p_person, p_entry from gone order by repository_id, name;
  delete from repository_manifest where digest = any (v_reach);
  -- A repository keeps the link to a blob that another of its images needs; without any such image anywhere, none do.
  delete from repository_blob rb
  where rb.digest = any (v_blobs)
    and (rb.repository_id in (select unnest(t.repository_ids) from tombstone t where t.purge_id = p_purge)
         or not blob_needed(rb.digest, v_reach))
    and not exists (
      select from manifest_edge e join repository_manifest rm on rm.digest = e.parent_digest
      where e.child_digest = rb.digest and rm.repository_id = rb.repository_id);
  delete from manifest_edge where parent_digest = any (v_reach);
  delete from manifest where digest = any (v_reach);
  with gone as (
    delete from blob b where b.digest = any (v_blobs)
      and not exists (select from repository_blob rb where rb.digest = b.digest)
      and not blob_needed(b.digest, v_reach)
    returning storage_key)
  insert into storage_removal (storage_key, reason) select storage_key, 'purged' from gone on conflict do nothing;
end $function$

owner sluice_owner; rights sluice_api: execute

CREATE OR REPLACE FUNCTION public.count_link()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare v_link repository_blob := case when tg_op = 'INSERT' then new else old end; v_feed uuid; v_limited boolean;
begin
  select f.id, f.quota_bytes is not null and not f.trusted into v_feed, v_limited
    from repository r join feed f on f.id = r.feed_id where r.id = v_link.repository_id;
  if v_limited then
    perform pg_advisory_xact_lock(hashtextextended('sluice quota ' || v_feed, 0));
  end if;
  if not exists (
    select from repository_blob rb join repository r on r.id = rb.repository_id
    where rb.digest = v_link.digest and rb.repository_id <> v_link.repository_id and r.feed_id = v_feed) then
    insert into feed_usage (feed_id, bytes)
      select v_feed, case when tg_op = 'INSERT' then b.size else -b.size end
      from blob b where b.digest = v_link.digest and b.size > 0;
  end if;
  return null;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.digests_of(p_bytes bytea)
 RETURNS text[]
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
  select array['sha256:' || encode(sha256(p_bytes), 'hex'), 'sha512:' || encode(sha512(p_bytes), 'hex')]
$function$

owner sluice_owner; rights sluice_api: execute

CREATE OR REPLACE FUNCTION public.end_idle_uploads(p_idle interval, p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare v_before timestamptz := collectable_before(p_idle); v_ended integer;
begin
  with idle as (
    select id from upload
    where updated_at < v_before and (claim_until is null or claim_until < v_before)
    order by updated_at limit p_limit for update skip locked
  ), ended as (
    delete from upload u using idle where u.id = idle.id returning u.storage_key
  )
  insert into storage_removal (storage_key, reason) select storage_key, 'upload' from ended on conflict do nothing;
  get diagnostics v_ended = row_count;
  return v_ended;
end $function$

owner sluice_owner; rights sluice_worker: execute

CREATE OR REPLACE FUNCTION public.feeds_above(p_feed uuid)
 RETURNS SETOF uuid
 LANGUAGE sql
 STABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
  with recursive above (id) as (
    select p_feed
    union
    select l.from_feed_id from above join lane l on l.to_feed_id = above.id)
  select id from above
$function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.forget_observed(p_repository uuid, p_digest text, p_grace interval)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare v_before timestamptz := collectable_before(p_grace);
begin
  if not exists (select from repository r join feed f on f.id = r.feed_id
                 where r.id = p_repository and f.kind = 'remote' and not f.trusted) then
    return false;
  end if;
  -- Whoever builds on it now holds a key share on it, and it is skipped.
  perform from repository_manifest where repository_id = p_repository and digest = p_digest for update skip locked;
  if not found then
    return false;
  end if;
  delete from repository_manifest rm
  where rm.repository_id = p_repository and rm.digest = p_digest and rm.pushed_at < v_before and rm.admission_id is null
    and not awaited(p_digest)
    and not runs(p_digest)
    and not exists (select from remote_tag o where o.repository_id = p_repository and o.digest = p_digest)
    and not exists (
      select from manifest_edge e join repository_manifest parent on parent.digest = e.parent_digest
      where e.child_digest = p_digest and e.kind = 'manifest' and parent.repository_id = p_repository)
    and not exists (
      select from manifest m join repository_manifest subject on subject.digest = m.subject_digest
      where m.digest = p_digest and subject.repository_id = p_repository);
  return found;
end $function$

owner sluice_owner; rights sluice_worker: execute

CREATE OR REPLACE FUNCTION public.forget_removed_tag(p_alert uuid)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare v_alert remote_alert;
begin
  select * into v_alert from remote_alert where id = p_alert and resolution = 'accept-removed' and resolved_by is not null;
  if not found then
    perform refuse('alert_fixed', 'only a tag whose removal was accepted is forgotten');
  end if;
  with gone as (
    delete from tag where repository_id = v_alert.repository_id and name = v_alert.tag and digest = v_alert.expected
    returning repository_id, name, digest)
  insert into tag_move (repository_id, tag, from_digest, actor_id, entry_id)
    select repository_id, name, digest, v_alert.resolved_by, v_alert.resolved_entry_id from gone;
end $function$

owner sluice_owner; rights sluice_api: execute

CREATE OR REPLACE FUNCTION public.groups_at(p_person uuid, p_at timestamp with time zone)
 RETURNS TABLE(id uuid, name text)
 LANGUAGE sql
 STABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
  select g.id, g.name from group_member m join user_group g on g.id = m.group_id
  where m.person_id = p_person and m.added_at <= p_at
$function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.guard_approval()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare r request; target uuid;
begin
  if tg_op = 'DELETE' then
    perform refuse('append_only', 'an approval is revoked, never deleted');
  end if;
  select * into r from request where id = new.request_id for update;
  if tg_op = 'UPDATE' then
    if to_jsonb(new) - 'revoked_at' <> to_jsonb(old) - 'revoked_at' or old.revoked_at is not null or new.revoked_at is null then
      perform refuse('approval_fixed', 'the only change to an approval is to revoke it, once');
    end if;
    if exists (select from promotion p where p.request_id = r.id and p.state in ('RUNNING', 'SUCCEEDED')) then
      perform refuse('already_committing', 'the promotion has started; the approval can no longer be revoked');
    end if;
    return new;
  end if;
  if r.state is distinct from 'PENDING' then
    perform refuse('request_state', format('request %s is %s; only a PENDING request takes decisions', new.request_id, r.state));
  end if;
  if r.expires_at <= now() then
    perform refuse('request_expired', format('request %s has expired', r.id));
  end if;
  if new.bound_hash <> r.bound_hash or r.bound_hash <> (select bound_hash from request_binding(r.id)) then
    perform refuse('binding_mismatch', 'the approval does not bind what the request asks for');
  end if;
  if new.person_id = any (r.requester_persons) and new.decision = 'approve' then
    perform refuse('self_approval', 'the requester cannot approve the own request');
  end if;
  if exists (select from person where id = new.person_id and disabled_at is not null) then
    perform refuse('person_disabled', 'this person is disabled');
  end if;
  if exists (select from credential c where c.person_id = new.person_id and c.set_by <> c.person_id and c.set_by = any (r.requester_persons)) then
    perform refuse('password_known_to_requester', 'the requester set this person''s password; it must be changed first');
  end if;
  select to_feed_id into target from lane where id = r.lane_id;
  if not exists (
    select from access_grant g where g.feed_id = target and 'approve' = any (g.verbs)
      and (g.principal_id = new.person_id or g.principal_id in (select id from groups_at(new.person_id, r.created_at)))) then
    perform refuse('approve_not_granted', 'this person holds no approve grant on the target feed, or joined the group that does after the request');
  end if;
  perform require_entry(new.entry_id, 'request:' || r.id, 'person:' || new.person_id);
  return new;
end $function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.guard_blob()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if new.digest <> old.digest or new.size <> old.size then
    perform refuse('blob_fixed', 'a blob keeps its digest and size');
  end if;
  -- Only new bytes lift a quarantine, and only a quarantine lets new bytes in.
  if (new.storage_key <> old.storage_key)
     is distinct from (old.quarantined_at is not null and new.quarantined_at is null) then
    perform refuse('blob_fixed', 'the bytes of a blob are replaced when it is quarantined, and not otherwise');
  end if;
  return new;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.guard_break_glass()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare r request; target uuid;
begin
  select * into r from request where id = new.request_id for update;
  if r.state is distinct from 'PENDING' or r.kind <> 'break-glass' or r.requester_id <> new.person_id then
    perform refuse('request_state', 'the glass is broken by the person who asks, for a request made for that');
  end if;
  if new.bound_hash <> r.bound_hash or r.bound_hash <> (select bound_hash from request_binding(r.id)) then
    perform refuse('binding_mismatch', 'the record does not bind what the request asks for');
  end if;
  if exists (select from person where id = new.person_id and disabled_at is not null) then
    perform refuse('person_disabled', 'this person is disabled');
  end if;
  select to_feed_id into target from lane where id = r.lane_id;
  if not exists (
    select from access_grant g where g.feed_id = target and 'break-glass' = any (g.verbs)
      and (g.principal_id = new.person_id
           or g.principal_id in (select m.group_id from group_member m where m.person_id = new.person_id))) then
    perform refuse('break_glass_not_granted', 'this person holds no break-glass grant on the target feed');
  end if;
  perform require_entry(new.entry_id, 'request:' || r.id, 'person:' || new.person_id);
  return new;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.guard_break_glass_review()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare r request; target uuid;
begin
  select q.* into r from break_glass b join request q on q.id = b.request_id where b.id = new.break_glass_id;
  if new.person_id = any (r.requester_persons) then
    perform refuse('self_approval', 'who broke the glass does not review it');
  end if;
  if exists (select from person where id = new.person_id and disabled_at is not null) then
    perform refuse('person_disabled', 'this person is disabled');
  end if;
  if exists (select from credential c where c.person_id = new.person_id and c.set_by <> c.person_id and c.set_by = any (r.requester_persons)) then
    perform refuse('password_known_to_requester', 'the requester set this person''s password; it must be changed first');
  end if;
  select to_feed_id into target from lane where id = r.lane_id;
  if not exists (
    select from access_grant g where g.feed_id = target and 'approve' = any (g.verbs)
      and (g.principal_id = new.person_id or g.principal_id in (select id from groups_at(new.person_id, r.created_at)))) then
    perform refuse('approve_not_granted', 'this person holds no approve grant on the target feed');
  end if;
  perform require_entry(new.entry_id, 'request:' || r.id, 'person:' || new.person_id);
  return new;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.guard_evidence()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  -- Which of two is newer, and who sent it, is not for the sender to say.
  new.received_at := now();
  new.sender := coalesce(
    (select 'robot:' || r.name from robot r where r.id = new.received_by),
    (select 'user:' || i.subject from identity i where i.person_id = new.received_by and i.issuer = 'local'
      order by i.created_at, i.id limit 1));
  perform require_entry(new.entry_id, 'digest:' || new.subject);
  return new;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.guard_feed()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if new.id <> old.id or new.kind <> old.kind then
    perform refuse('feed_fixed', 'the id and kind of a feed never change');
  end if;
  if new.trusted <> old.trusted and exists (select from repository r where r.feed_id = old.id) then
    perform refuse('trusted_fixed', 'trusted cannot be switched once the feed holds a repository');
  end if;
  return new;
end $function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.guard_feed_cache()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if tg_op = 'UPDATE' and new.feed_id <> old.feed_id
     or not exists (select from feed where id = new.feed_id and kind = 'proxy') then
    perform refuse('feed_fixed', 'only a proxy feed is a cache, and it stays with its feed');
  end if;
  return new;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.guard_feed_name()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if tg_op = 'DELETE' or new.name <> old.name or new.feed_id <> old.feed_id then
    perform refuse('feed_name_reserved', format('the name %s is reserved to its feed for ever', old.name));
  end if;
  return new;
end $function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.guard_feed_remote()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if tg_op = 'UPDATE' and new.feed_id <> old.feed_id then
    perform refuse('feed_fixed', 'the settings of a registry stay with their feed');
  end if;
  if not exists (select from feed where id = new.feed_id and kind in ('remote', 'proxy')) then
    perform refuse('feed_fixed', 'only a remote or a proxy feed has a registry elsewhere');
  end if;
  new.changed_at := now();
  return new;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.guard_gate_report()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  -- Two that waited for each other have the order in which they were written, not that in which they began.
  new.at := clock_timestamp();
  new.promotion_id := null;
  new.attempt := null;
  if current_user = 'sluice_api' and new.phase = 'start' or current_user = 'sluice_worker' and new.phase <> 'start' then
    perform refuse('gate_report_fixed', 'the api reports on creation and approval, the worker on the start');
  end if;
  if new.phase = 'start' then
    select p.id, p.attempt into new.promotion_id, new.attempt from promotion p
      where p.request_id = new.request_id and p.state = 'QUEUED';
    if not found then
      perform refuse('promotion_state', 'gates are evaluated before a promotion runs');
    end if;
  end if;
  return new;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.guard_intent()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if tg_op = 'INSERT' then
    if new.intended_at is not null then
      perform refuse('promotion_state', 'a promotion begins without an intent');
    end if;
  elsif tg_table_name = 'promotion' then
    if old.intended_at is not null and new.state = 'CANCELLED' and old.state <> 'CANCELLED' then
      perform refuse('already_committing', 'the promotion is setting its tags; it can no longer be cancelled');
    end if;
  elsif old.state = 'APPROVED' and new.state <> 'APPROVED' and exists (
      select from promotion p where p.request_id = new.id and p.intended_at is not null and p.state in ('QUEUED', 'RUNNING', 'ERRORED')) then
    perform refuse('already_committing', 'the promotion is setting its tags; the request can no longer be withdrawn');
  end if;
  return new;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.guard_lane()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare v_circle text;
begin
  if tg_op = 'INSERT' then
    -- One at a time, or two lanes could close a circle together.
    perform pg_advisory_xact_lock(hashtextextended('sluice lanes', 0));
    with recursive onward (id, chain) as (
      select new.to_feed_id, array[new.from_feed_id, new.to_feed_id]
      union all
      select l.to_feed_id, o.chain || l.to_feed_id from onward o join lane l on l.from_feed_id = o.id and l.deleted_at is null
      where o.id <> new.from_feed_id and not l.to_feed_id = any (o.chain[2:]))
    select (select string_agg(n.name, ' → ' order by c.at) from unnest(o.chain) with ordinality c (id, at)
            join feed_name n on n.feed_id = c.id and n.is_current)
      into v_circle from onward o where o.id = new.from_feed_id limit 1;
    if v_circle is not null then
      perform refuse('lane_circle', format('lanes lead forward; this one would close the circle %s', v_circle));
    end if;
    return new;
  end if;
  if (new.id, new.name, new.from_feed_id, new.to_feed_id) is distinct from (old.id, old.name, old.from_feed_id, old.to_feed_id) then
    perform refuse('lane_fixed', 'a lane keeps its name and both its feeds');
  end if;
  if old.deleted_at is not null and new.deleted_at is distinct from old.deleted_at then
    perform refuse('lane_fixed', 'a lane that was removed stays removed; make another');
  end if;
  if new.deleted_at is not null and old.deleted_at is null and needs_second_admin(new.id)
     and exists (select from lane_version where lane_id = new.id)
     and not exists (select from lane_change where lane_id = new.id and kind = 'remove' and confirmed_at is not null) then
    perform refuse('second_admin_needed', 'a lane into a trusted feed is removed when another administrator confirms it');
  end if;
  return new;
end $function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.guard_lane_change()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if tg_op = 'DELETE' then
    perform refuse('append_only', 'a change of a lane is withdrawn, never deleted');
  end if;
  if tg_op = 'INSERT' then
    if new.confirmed_at is not null or new.withdrawn_at is not null then
      perform refuse('lane_change_fixed', 'a change of a lane begins open');
    end if;
    perform require_entry(new.entry_id, 'lane-change:' || new.id, 'person:' || new.proposed_by);
    return new;
  end if;
  if old.confirmed_at is not null or old.withdrawn_at is not null
     or to_jsonb(new) - array['confirmed_by', 'confirmed_at', 'confirm_entry_id', 'withdrawn_at']
        <> to_jsonb(old) - array['confirmed_by', 'confirmed_at', 'confirm_entry_id', 'withdrawn_at'] then
    perform refuse('lane_change_fixed', 'a change of a lane is confirmed or withdrawn, once, as it was proposed');
  end if;
  if new.confirmed_at is not null then
    if not exists (select from person where id = new.confirmed_by and 'admin' = any (roles) and disabled_at is null) then
      perform refuse('second_admin_needed', 'only an administrator confirms a change of a lane');
    end if;
    if new.confirmed_by = new.proposed_by then
      perform refuse('second_admin_needed', 'whoever proposed the change does not confirm it');
    end if;
    if exists (select from credential c where c.person_id = new.confirmed_by and c.set_by = new.proposed_by) then
      perform refuse('password_known_to_requester', 'the proposer set this person''s password; it must be changed first');
    end if;
    perform require_entry(new.confirm_entry_id, 'lane-change:' || new.id, 'person:' || new.confirmed_by);
  end if;
  return new;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.guard_lane_version()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  perform require_entry(new.entry_id, 'lane:' || new.lane_id, 'person:' || new.created_by);
  if needs_second_admin(new.lane_id) and not exists (
    select from lane_change c where c.id = new.change_id and c.lane_id = new.lane_id and c.confirmed_at is not null
      and c.policy = new.policy and c.policy_hash = new.policy_hash) then
    perform refuse('second_admin_needed', 'a lane into a trusted feed changes when another administrator confirms it');
  end if;
  return new;
end $function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.guard_late_referrer()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare v_free text[] := array['state', 'reason', 'carries', 'changed_at', 'entry_id'];
begin
  if tg_op = 'DELETE' then
    perform refuse('append_only', 'what came after a promotion stays on record');
  end if;
  if tg_op = 'UPDATE' and (old.state = 'admitted' or to_jsonb(new) - v_free <> to_jsonb(old) - v_free) then
    perform refuse('append_only', 'what followed an image is recorded once');
  end if;
  if current_user <> 'sluice_owner' and (new.state in ('intended', 'admitted') or tg_op = 'UPDATE' and old.state = 'intended')
     and not (tg_op = 'UPDATE' and to_jsonb(new) - array['reason', 'changed_at'] = to_jsonb(old) - array['reason', 'changed_at']) then
    perform refuse('not_admitted', 'what follows an image is let in by admit_referrer');
  end if;
  new.changed_at := now();
  return new;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.guard_manifest()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if exists (select from tombstone t where t.digest = any (digests_of(new.bytes) || new.digest)) then
    perform refuse('purged', format('%s was purged; its bytes are not taken again', new.digest));
  end if;
  return null;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.guard_manifest_use()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if not is_proxy(new.repository_id) then
    perform refuse('membership_fixed', 'only of proxy feeds is written down what is used');
  end if;
  new.used_at := now();
  return new;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.guard_membership()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare repositories uuid[]; row_new jsonb;
begin
  repositories := array_remove(array[
    case when tg_op <> 'INSERT' then old.repository_id end,
    case when tg_op <> 'DELETE' then new.repository_id end], null);
  if exists (select from repository r join feed f on f.id = r.feed_id
             where r.id = any (repositories) and f.trusted) then
    if current_user <> 'sluice_owner' then
      perform refuse('trusted_feed', 'only a promotion writes to a trusted feed');
    end if;
    if tg_op = 'INSERT' then
      row_new := to_jsonb(new);
      if row_new ? 'admission_id' and row_new ->> 'admission_id' is null
         or row_new ? 'promotion_id' and row_new ->> 'promotion_id' is null
            and (row_new ->> 'entry_id' is null or row_new ->> 'to_digest' is not null) then
        perform refuse('trusted_feed', 'what enters a trusted feed names its admission');
      end if;
    end if;
  end if;
  return case when tg_op = 'DELETE' then old else new end;
end $function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.guard_observed_move()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if new.observed and not is_proxy(new.repository_id) then
    perform refuse('membership_fixed', 'only the tags of a proxy feed move by what its upstream does');
  end if;
  return new;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.guard_place()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare v_place text := place_of(new.feed_id, new.repository, new.tag); v_held commit_intent;
begin
  -- Of two that find no row, the second waits for the first, and sees it then.
  perform pg_advisory_xact_lock(hashtextextended('sluice place ' || v_place, 0));
  select c.* into v_held from commit_intent c
    where c.tag = new.tag and c.feed_id <> new.feed_id and c.promotion_id <> new.promotion_id and c.free_at > now()
      and place_of(c.feed_id, c.repository, c.tag) = v_place
    limit 1;
  if found then
    perform refuse('tag_held', format('%s is being set by a promotion to another feed until %s', v_place, v_held.free_at));
  end if;
  return new;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.guard_promotion()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if tg_op = 'INSERT' then
    if new.state <> 'QUEUED' or new.attempt <> 1
       or not exists (select from request r where r.id = new.request_id and r.state = 'APPROVED') then
      perform refuse('promotion_state', 'a promotion begins QUEUED, of an APPROVED request');
    end if;
    return new;
  end if;
  if new.id <> old.id or new.request_id <> old.request_id or new.attempt < old.attempt then
    perform refuse('promotion_fixed', 'a promotion keeps its request, and attempts only go up');
  end if;
  if new.state = old.state then
    return new;
  end if;
  if not (old.state, new.state) in (
    ('QUEUED', 'RUNNING'), ('QUEUED', 'CANCELLED'), ('QUEUED', 'FAILED'),
    ('RUNNING', 'QUEUED'), ('RUNNING', 'SUCCEEDED'), ('RUNNING', 'FAILED'), ('RUNNING', 'ERRORED'), ('RUNNING', 'CANCELLED'),
    ('ERRORED', 'QUEUED'), ('ERRORED', 'CANCELLED')) then
    perform refuse('promotion_state', format('a promotion cannot go from %s to %s', old.state, new.state));
  end if;
  if new.state = 'SUCCEEDED' and current_user <> 'sluice_owner' then
    perform refuse('promotion_state', 'only admit ends a promotion as SUCCEEDED');
  end if;
  if new.state in ('QUEUED', 'RUNNING')
     and not exists (select from request r where r.id = new.request_id and r.state = 'APPROVED') then
    perform refuse('promotion_state', 'the request is no longer APPROVED');
  end if;
  if new.state = 'QUEUED' and new.attempt = old.attempt then
    perform refuse('promotion_state', 'a new try is a new attempt');
  end if;
  return new;
end $function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.guard_purge()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if tg_op = 'DELETE' then
    perform refuse('append_only', 'a purge stays on record');
  end if;
  if tg_op = 'UPDATE' then
    if current_user <> 'sluice_owner' or old.confirmed_at is not null
       or to_jsonb(new) - array['confirmed_by', 'confirmed_at', 'confirmed_entry_id']
          <> to_jsonb(old) - array['confirmed_by', 'confirmed_at', 'confirmed_entry_id'] then
      perform refuse('purge_fixed', 'a purge is confirmed once, and not changed otherwise');
    end if;
    return new;
  end if;
  if new.confirmed_at is not null then
    perform refuse('purge_fixed', 'a purge begins unconfirmed');
  end if;
  if not exists (select from recall r where r.id = new.recall_id and r.digest = new.digest and r.lifted_at is null) then
    perform refuse('not_recalled', format('%s is not recalled; only what is recalled is purged', new.digest));
  end if;
  if not exists (select from person p where p.id = new.opened_by and 'admin' = any (p.roles) and p.disabled_at is null) then
    perform refuse('purge_not_granted', 'a purge is opened by a person with the role admin');
  end if;
  perform require_entry(new.entry_id, 'purge:' || new.id, 'person:' || new.opened_by);
  return new;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.guard_recall()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if tg_op = 'DELETE' then
    perform refuse('append_only', 'a recall is lifted, never deleted');
  end if;
  if tg_op = 'UPDATE' then
    if current_user <> 'sluice_owner' or old.lifted_at is not null
       or to_jsonb(new) - array['lifted_at', 'lifted_by'] <> to_jsonb(old) - array['lifted_at', 'lifted_by'] then
      perform refuse('recall_fixed', 'a recall is lifted by a promotion of kind restore, once, and not changed otherwise');
    end if;
    return new;
  end if;
  if new.lifted_at is not null then
    perform refuse('recall_fixed', 'a recall begins standing');
  end if;
  if not exists (
    select from repository_manifest m join repository r on r.id = m.repository_id join feed f on f.id = r.feed_id
    where m.digest = new.digest and f.id = new.feed_id and f.trusted) then
    perform refuse('not_admitted', format('%s was never let into this feed', new.digest));
  end if;
  if not exists (
    select from access_grant g where g.feed_id = new.feed_id and 'recall' = any (g.verbs)
      and (g.principal_id = new.recalled_by
           or g.principal_id in (select m.group_id from group_member m where m.person_id = new.recalled_by))) then
    perform refuse('recall_not_granted', 'this principal holds no recall grant on the feed');
  end if;
  perform require_entry(new.entry_id, 'recall:' || new.id,
    (select p.kind || ':' || p.id from principal p where p.id = new.recalled_by));
  return new;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.guard_remote_alert()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if tg_op = 'DELETE' then
    perform refuse('append_only', 'an alert is resolved, never deleted');
  end if;
  if tg_op = 'INSERT' then
    if new.resolved_at is not null or not is_remote(new.repository_id) then
      perform refuse('alert_fixed', 'an alert begins open, about a remote feed');
    end if;
    perform require_entry(new.entry_id, 'alert:' || new.id);
    return new;
  end if;
  if old.resolved_at is not null
     or to_jsonb(new) - array['expected', 'seen', 'last_seen', 'resolved_at', 'resolved_by', 'resolution', 'comment', 'resolved_entry_id']
        <> to_jsonb(old) - array['expected', 'seen', 'last_seen', 'resolved_at', 'resolved_by', 'resolution', 'comment', 'resolved_entry_id'] then
    perform refuse('alert_fixed', 'an alert is resolved once, and not changed otherwise');
  end if;
  if new.resolved_at is not null then
    perform require_entry(new.resolved_entry_id, 'alert:' || new.id,
      (select p.kind || ':' || p.id from principal p where p.id = new.resolved_by));
  end if;
  return new;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.guard_remote_tag()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if tg_op = 'UPDATE' and (new.repository_id, new.name) is distinct from (old.repository_id, old.name)
     or not is_remote(new.repository_id) then
    perform refuse('repository_fixed', 'only the tags of a remote registry are observed');
  end if;
  new.observed_at := now();
  new.moved_at := case when tg_op = 'UPDATE' and new.digest = old.digest then old.moved_at else now() end;
  return new;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.guard_repository()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if tg_op <> 'INSERT' then
    perform refuse('repository_fixed', 'a repository keeps its feed and name');
  end if;
  -- Waits for, and is waited for by, a switch of `trusted` (guard_feed).
  perform from feed where id = new.feed_id for share;
  return new;
end $function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.guard_request()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if tg_op = 'INSERT' then
    if new.state <> 'PENDING' then
      perform refuse('request_state', 'a request begins PENDING');
    end if;
    if exists (select from person where id = new.requester_id) and not new.requester_id = any (new.requester_persons) then
      perform refuse('requester_missing', 'the requester counts among the requesting persons');
    end if;
    perform require_entry(new.entry_id, 'request:' || new.id);
    return new;
  end if;
  if to_jsonb(new) - array['state', 'decided_at'] <> to_jsonb(old) - array['state', 'decided_at'] then
    perform refuse('request_fixed', 'a request is what was asked; make a new one');
  end if;
  if new.state = old.state then
    return new;
  end if;
  if not (old.state, new.state) in (
    ('PENDING', 'APPROVED'), ('PENDING', 'REJECTED'), ('PENDING', 'CANCELLED'), ('PENDING', 'EXPIRED'), ('PENDING', 'INVALIDATED'),
    ('APPROVED', 'PENDING'), ('APPROVED', 'CANCELLED'), ('APPROVED', 'EXPIRED'), ('APPROVED', 'INVALIDATED')) then
    perform refuse('request_state', format('a request cannot go from %s to %s', old.state, new.state));
  end if;
  if new.state = 'APPROVED' and not (request_quorum_met(new.id) and new.expires_at > now()) then
    perform refuse('quorum_missing', 'the approvals that the lane asks for are not there');
  end if;
  if new.state = 'REJECTED' and not exists (
    select from approval a where a.request_id = new.id and a.decision = 'reject' and a.revoked_at is null) then
    perform refuse('request_state', 'REJECTED needs a recorded rejection');
  end if;
  if current_user = 'sluice_worker' and new.state not in ('EXPIRED', 'INVALIDATED') then
    perform refuse('request_state', 'a worker ends requests, it does not decide them');
  end if;
  return new;
end $function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.guard_request_part()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  perform from request r where r.id = new.request_id and r.xmin = pg_current_xact_id()::xid;
  if not found then
    perform refuse('request_fixed', 'a request is what was asked; make a new one');
  end if;
  return new;
end $function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.guard_running_image()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if tg_op = 'DELETE' then
    perform refuse('append_only', 'what ran has an end, and is never deleted');
  end if;
  if tg_op = 'INSERT' then
    new.began_at := now();
    new.ended_at := null;
    return new;
  end if;
  if old.ended_at is not null
     or to_jsonb(new) - array['images', 'ended_at'] <> to_jsonb(old) - array['images', 'ended_at'] then
    perform refuse('running_fixed', 'what ran has an end, and is not changed otherwise');
  end if;
  if new.ended_at is not null then
    new.ended_at := now();
  end if;
  return new;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.guard_site()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if tg_op = 'DELETE' then
    perform refuse('site_fixed', 'a site is marked as deleted, and its history stays');
  end if;
  if old.deleted_at is not null or to_jsonb(new) - array['stale_hours', 'reported_at', 'reported_by', 'deleted_at']
     <> to_jsonb(old) - array['stale_hours', 'reported_at', 'reported_by', 'deleted_at'] then
    perform refuse('site_fixed', 'a site keeps its name; once deleted it stays deleted');
  end if;
  return new;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.guard_tag()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare v_tag tag := case when tg_op = 'INSERT' then new else old end; v_rules jsonb;
begin
  if tg_op = 'UPDATE' and (new.repository_id, new.name) is distinct from (old.repository_id, old.name) then
    perform refuse('tag_immutable', 'a tag keeps its repository and its name');
  end if;
  if is_signature_tag(v_tag.name) or tg_op = 'UPDATE' and new.digest = old.digest then
    return case when tg_op = 'DELETE' then old else new end;
  end if;
  select f.tag_rules into v_rules from repository r join feed f on f.id = r.feed_id where r.id = v_tag.repository_id;
  if (tg_op = 'UPDATE' or tg_op = 'DELETE' and current_user <> 'sluice_owner')
     and matches_any_tag(v_rules -> 'immutable', v_tag.name) then
    perform refuse('tag_immutable', format('the tag %s is on %s for ever', v_tag.name, v_tag.digest));
  end if;
  if tg_op <> 'DELETE' and v_rules -> 'versions' = 'true' and not is_release_tag(v_tag.name)
     and (is_virtual_tag(v_tag.name) or not matches_any_tag(v_rules -> 'permitted', v_tag.name)) then
    perform refuse('tag_not_permitted', format('the tag %s is neither a release nor permitted here', v_tag.name));
  end if;
  return case when tg_op = 'DELETE' then old else new end;
end $function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.guard_ticket_state()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  new.received_at := now();
  perform from request r where r.id = new.request_id and r.state in ('PENDING', 'APPROVED') and r.expires_at > now();
  if not found then
    perform refuse('request_state', format('request %s no longer waits for a ticket', new.request_id));
  end if;
  perform require_entry(new.entry_id, 'request:' || new.request_id);
  return new;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.guard_trusted()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if new.trusted and not old.trusted and exists (select from lane where to_feed_id = new.id and deleted_at is null) then
    perform refuse('trusted_fixed', 'trusted cannot be switched on while lanes lead into the feed; remove them first');
  end if;
  return new;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.heal_blob(p_digest text, p_size bigint, p_storage_key text)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare v_old text;
begin
  select storage_key into v_old from blob
    where digest = p_digest and size = p_size and quarantined_at is not null for update;
  if not found then
    return null;
  end if;
  update blob set storage_key = p_storage_key, stored_at = now(), scrubbed_at = now(), quarantined_at = null
    where digest = p_digest;
  insert into storage_removal (storage_key, reason) values (v_old, 'healed') on conflict do nothing;
  return v_old;
end $function$

owner sluice_owner; rights sluice_api: execute

CREATE OR REPLACE FUNCTION public.hold_recalls(p_kind text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if p_kind = 'restore' then
    lock table recall in share row exclusive mode;
  else
    lock table recall in share mode;
  end if;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.hold_run(p_promotion uuid, p_attempt integer, p_worker text, OUT held_promotion promotion, OUT held_request request)
 RETURNS record
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  select * into held_request from request where id = (select request_id from promotion where id = p_promotion) for update;
  select * into held_promotion from promotion where id = p_promotion for update;
  if held_promotion.state is distinct from 'RUNNING' or held_promotion.attempt <> p_attempt
     or held_promotion.locked_by is distinct from p_worker then
    perform refuse('fenced', format('promotion %s is no longer run by this worker', p_promotion));
  end if;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.intend(p_promotion uuid, p_attempt integer, p_worker text, p_entry uuid, p_observed jsonb, p_lease interval, p_timeout interval)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare
  v_run record; v_promotion promotion; v_request request; v_target record; v_held commit_intent; v_feed feed; v_now text; v_ours boolean;
  v_until timestamptz(3) := now() + p_lease;
begin
  select * into v_run from hold_run(p_promotion, p_attempt, p_worker);
  v_promotion := v_run.held_promotion;
  v_request := v_run.held_request;
  select f.* into v_feed from lane l join feed f on f.id = l.to_feed_id where l.id = v_request.lane_id;
  if v_feed.kind <> 'remote' then
    perform refuse('promotion_state', 'what a hosted feed serves is set by admit alone');
  end if;
  perform require_entry(p_entry, 'promotion:' || p_promotion, 'system');
  if v_promotion.intended_at is null then
    perform require_admissible(p_promotion, v_request);
  end if;
  for v_target in
      select i.target_repository as repository, t.tag, t.expected_digest as expected, i.digest, i.position
      from request_target t join request_item i on i.request_id = t.request_id and i.position = t.position
      where t.request_id = v_request.id order by i.target_repository collate "C", t.tag collate "C" loop
    if not exists (select from jsonb_array_elements(p_observed) o
                   where (o ->> 'position')::int = v_target.position and o ->> 'tag' = v_target.tag) then
      perform refuse('target_moved', format('what %s:%s points at was not read', v_target.repository, v_target.tag));
    end if;
    select o ->> 'digest' into v_now from jsonb_array_elements(p_observed) o
      where (o ->> 'position')::int = v_target.position and o ->> 'tag' = v_target.tag;
    select * into v_held from commit_intent
      where feed_id = v_feed.id and repository = v_target.repository and tag = v_target.tag for update;
    v_ours := found and v_held.promotion_id = p_promotion;
    if found and not v_ours and v_held.free_at > now() then
      perform refuse('tag_held', format('%s:%s is being set by another promotion until %s', v_target.repository, v_target.tag, v_held.free_at));
    end if;
    if v_promotion.intended_at is not null and not v_ours then
      perform refuse('target_moved', format('%s:%s was set by a later promotion', v_target.repository, v_target.tag));
    end if;
    if not v_ours then
      if v_now is distinct from v_target.digest and v_now is distinct from v_target.expected then
        perform refuse('target_moved', format('%s:%s points at %s; when the request was made it pointed at %s',
          v_target.repository, v_target.tag, coalesce(v_now, 'nothing'), coalesce(v_target.expected, 'nothing')));
      end if;
      perform require_unalerted(v_feed.id, v_target.repository, v_target.tag);
      perform require_tag_move(v_feed, v_target.repository, v_target.tag, v_target.digest);
    elsif v_now is distinct from v_target.digest and v_now is distinct from v_held.previous then
      perform refuse('target_moved', format('%s:%s points at %s; before this promotion it pointed at %s',
        v_target.repository, v_target.tag, coalesce(v_now, 'nothing'), coalesce(v_held.previous, 'nothing')));
    end if;
    insert into commit_intent as c (feed_id, repository, tag, promotion_id, digest, previous, attempt, send_until, free_at, entry_id)
      values (v_feed.id, v_target.repository, v_target.tag, p_promotion, v_target.digest, v_now, p_attempt, v_until, v_until + p_timeout, p_entry)
      on conflict (feed_id, repository, tag) do update set
        promotion_id = excluded.promotion_id, digest = excluded.digest, attempt = excluded.attempt, entry_id = excluded.entry_id,
        previous = case when v_ours then c.previous else excluded.previous end,
        sendings = case when v_ours then c.sendings + 1 else 1 end,
        send_until = excluded.send_until, free_at = greatest(c.free_at, excluded.free_at), committed_at = null
      where c.promotion_id = p_promotion or c.free_at <= now();
    -- Two that found no row: the second waited for the first, and sees it now.
    if not found then
      perform refuse('tag_held', format('%s:%s is being set by another promotion', v_target.repository, v_target.tag));
    end if;
  end loop;
  update promotion set intended_at = coalesce(intended_at, now()) where id = p_promotion;
end $function$

owner sluice_owner; rights sluice_worker: execute

CREATE OR REPLACE FUNCTION public.intend_referrer(p_id uuid, p_admission uuid, p_subject text, p_digest text, p_tag text, p_carries jsonb, p_entry uuid, p_now text, p_lease interval, p_timeout interval)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare v_admission admission; v_repository text; v_until timestamptz(3) := now() + p_lease;
begin
  select * into v_admission from admission where id = p_admission;
  if not found or not is_remote(v_admission.repository_id) then
    perform refuse('not_admitted', 'only what goes to a registry elsewhere is intended');
  end if;
  perform require_entry(p_entry, 'referrer:' || p_id, 'system');
  if not exists (select from late_referrer where id = p_id and admission_id = p_admission and subject = p_subject
                   and digest = p_digest and tag = p_tag and state = 'intended') then
    perform require_late(v_admission, p_subject, p_digest, p_tag, p_carries);
  elsif p_now is distinct from p_digest then
    perform hold_recalls('promote');
    if recalled(v_admission.feed_id, v_admission.digest) or recalled(v_admission.feed_id, p_subject) or recalled(v_admission.feed_id, p_digest) then
      perform refuse('recalled', format('%s is recalled, so that %s is not sent to the target', v_admission.digest, p_digest));
    end if;
  end if;
  if p_tag <> '' then
    perform require_signature_tag(v_admission, p_tag, p_digest, p_now);
    select name into v_repository from repository where id = v_admission.repository_id;
    insert into commit_intent as c (feed_id, repository, tag, promotion_id, digest, previous, attempt, send_until, free_at, entry_id)
      values (v_admission.feed_id, v_repository, p_tag, v_admission.promotion_id, p_digest, p_now, 1, v_until, v_until + p_timeout, p_entry)
      on conflict (feed_id, repository, tag) do update set
        promotion_id = excluded.promotion_id, digest = excluded.digest, previous = excluded.previous,
        sendings = case when c.digest = excluded.digest then c.sendings + 1 else 1 end,
        entry_id = excluded.entry_id, send_until = excluded.send_until, free_at = greatest(c.free_at, excluded.free_at), committed_at = null
      where c.free_at <= now() or c.digest = excluded.digest;
    if not found then
      perform refuse('tag_held', format('%s:%s is being set', v_repository, p_tag));
    end if;
    perform require_entry(p_entry, 'referrer:' || l.id, 'system') from late_referrer l join admission a on a.id = l.admission_id
      where a.repository_id = v_admission.repository_id and l.tag = p_tag and l.digest <> p_digest and l.state = 'intended';
    update late_referrer l set state = 'waiting', entry_id = null,
        reason = format('%s took its place under the tag before the target had it', p_digest)
      from admission a
      where a.id = l.admission_id and a.repository_id = v_admission.repository_id and l.tag = p_tag and l.digest <> p_digest and l.state = 'intended';
  end if;
  perform record_late(p_id, p_admission, p_subject, p_digest, p_tag, p_carries, 'intended', p_entry);
end $function$

owner sluice_owner; rights sluice_worker: execute

CREATE OR REPLACE FUNCTION public.is_proxy(p_repository uuid)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
  select exists (select from repository r join feed f on f.id = r.feed_id where r.id = p_repository and f.kind = 'proxy')
$function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.is_release_tag(tag text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
  select tag ~ '^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$'
$function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.is_remote(p_repository uuid)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
  select exists (select from repository r join feed f on f.id = r.feed_id where r.id = p_repository and f.kind = 'remote')
$function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.is_signature_tag(tag text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
  select tag ~ '^sha(256|512)-[0-9a-f]{64}(\.(sig|att|sbom))?$'
$function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.is_virtual_tag(tag text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
  select tag ~ '^(latest|latest-stable|[0-9]+(\.[0-9]+)?)$'
$function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.keep_manifest(p_digest text)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  perform from manifest where digest = p_digest for key share;
  return found;
end $function$

owner sluice_owner; rights sluice_api: execute

CREATE OR REPLACE FUNCTION public.let_in(p_promotion promotion, p_request request, p_feed feed, p_entry uuid)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare v_item request_item; v_target request_target; v_repository uuid; v_admission uuid; v_break_glass uuid; v_previous text;
begin
  select id into v_break_glass from break_glass where request_id = p_request.id and p_request.kind = 'break-glass';
  for v_item in select * from request_item where request_id = p_request.id order by position loop
    insert into repository (id, feed_id, name) values (gen_random_uuid(), p_feed.id, v_item.target_repository)
      on conflict (feed_id, name) do nothing;
    select id into v_repository from repository where feed_id = p_feed.id and name = v_item.target_repository;
    v_admission := gen_random_uuid();
    insert into admission (id, feed_id, repository_id, digest, promotion_id, position, bound_hash, entry_id, break_glass_id)
      values (v_admission, p_feed.id, v_repository, v_item.digest, p_promotion.id, v_item.position, p_request.bound_hash, p_entry, v_break_glass);
    insert into repository_blob (repository_id, digest, admission_id)
      select v_repository, c.digest, v_admission from closure_member c
      where c.request_id = p_request.id and c.position = v_item.position and c.kind = 'blob' and p_feed.kind <> 'remote'
      order by c.digest on conflict do nothing;
    insert into repository_manifest (repository_id, digest, media_type, admission_id)
      select v_repository, c.digest, c.media_type, v_admission from closure_member c
      where c.request_id = p_request.id and c.position = v_item.position and c.kind = 'manifest'
      order by c.digest on conflict do nothing;
    for v_target in select * from request_target
        where request_id = p_request.id and position = v_item.position order by tag collate "C" loop
      if p_feed.kind = 'remote' then
        v_previous := put_remote_tag(p_promotion.id, p_feed.id, v_repository, v_item, v_target.tag);
      else
        v_previous := put_tag(v_repository, v_item, v_target);
      end if;
      insert into tag_move (repository_id, tag, from_digest, to_digest, promotion_id)
        select v_repository, v_target.tag, v_previous, v_item.digest, p_promotion.id
        where v_previous is distinct from v_item.digest;
    end loop;
  end loop;
  if p_request.kind = 'restore' then
    update recall set lifted_at = now(), lifted_by = p_promotion.id
      where id = p_request.recall_id and lifted_at is null and feed_id = p_feed.id
        and digest in (select i.digest from request_item i where i.request_id = p_request.id);
    if not found then
      perform refuse('recall_lifted', 'the recall that this request undoes no longer stands');
    end if;
  end if;
  delete from staged_member where promotion_id = p_promotion.id;
  update promotion set state = 'SUCCEEDED', finished_at = now(), lease_until = null, locked_by = null,
    error_code = null, error_message = null where id = p_promotion.id;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.matches_any_tag(patterns jsonb, tag text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
  select exists (select from jsonb_array_elements_text(coalesce(patterns, '[]')) p (pattern) where matches_tag(p.pattern, tag))
$function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.matches_tag(pattern text, tag text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
  select case when pattern = 'release' then is_release_tag(tag)
    else tag like replace(replace(pattern, '_', '\_'), '*', '%') end
$function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.needs_second_admin(p_lane uuid)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
  select f.trusted and (select count(*) from person where 'admin' = any (roles) and disabled_at is null) >= 2
  from lane l join feed f on f.id = l.to_feed_id where l.id = p_lane
$function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.notify_approval()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  perform pg_notify('sluice_request', new.request_id::text);
  return null;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.notify_due()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  perform pg_notify('sluice_due', tg_argv[0]);
  return null;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.notify_late_referrer()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  perform pg_notify('sluice_request', p.request_id::text)
    from admission a join promotion p on p.id = a.promotion_id where a.id = new.admission_id;
  return null;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.notify_progress()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  perform pg_notify('sluice_promotion', json_build_object('promotionId', p.id, 'requestId', p.request_id, 'state', p.state)::text)
    from promotion p where p.id = new.promotion_id;
  return null;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.notify_promotion()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  perform pg_notify('sluice_promotion', json_build_object('promotionId', new.id, 'requestId', new.request_id, 'state', new.state)::text);
  return null;
end $function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.notify_request()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  perform pg_notify('sluice_request', new.id::text);
  return null;
end $function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.observe_referrer(p_repository uuid, p_digest text, p_media_type text, p_bytes bytea)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare v_document jsonb; v_oci boolean := p_media_type = 'application/vnd.oci.image.manifest.v1+json';
begin
  if not exists (select from repository r join feed f on f.id = r.feed_id
                 where r.id = p_repository and f.kind = 'remote' and not f.trusted and f.deleted_at is null) then
    perform refuse('trusted_feed', 'only what an untrusted registry elsewhere has is observed');
  end if;
  if not v_oci and p_media_type <> 'application/vnd.docker.distribution.manifest.v2+json' then
    perform refuse('closure_incomplete', 'only manifests with layers are kept so');
  end if;
  v_document := convert_from(p_bytes, 'UTF8')::jsonb;
  insert into manifest (digest, bytes, kind, artifact_type, subject_digest, annotations)
    values (p_digest, p_bytes, 'manifest', coalesce(case when v_oci then v_document ->> 'artifactType' end, v_document #>> '{config,mediaType}'),
      case when v_oci then v_document #>> '{subject,digest}' end,
      case when v_oci then nullif(nullif(v_document -> 'annotations', 'null'), '{}') end)
    on conflict (digest) do nothing;
  if found then
    insert into manifest_edge (parent_digest, position, kind, child_digest, media_type, size, required)
      select p_digest, 0, 'config', v_document #>> '{config,digest}', v_document #>> '{config,mediaType}', (v_document #>> '{config,size}')::bigint, true
      union all
      select p_digest, l.position, 'layer', l.layer ->> 'digest', l.layer ->> 'mediaType', (l.layer ->> 'size')::bigint,
        l.layer ->> 'mediaType' !~ '(nondistributable|foreign)'
      from jsonb_array_elements(case jsonb_typeof(v_document -> 'layers') when 'array' then v_document -> 'layers' else '[]' end)
        with ordinality l (layer, position);
  else
    perform from manifest where digest = p_digest for key share;
  end if;
  insert into repository_manifest (repository_id, digest, media_type) values (p_repository, p_digest, p_media_type) on conflict do nothing;
end $function$

owner sluice_owner; rights sluice_worker: execute

CREATE OR REPLACE FUNCTION public.place_of(p_feed uuid, p_repository text, p_tag text)
 RETURNS text
 LANGUAGE sql
 STABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
  select regexp_replace(regexp_replace(base_url, '^https?://', ''), '\.(:\d+)?$', '\1')
    || '/' || concat_ws('/', nullif(prefix, ''), p_repository) || ':' || p_tag from feed_remote where feed_id = p_feed
$function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.policy_asks_for(p_policy jsonb, p_type text, p_predicate_type text, p_from text[])
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
  select exists (
    select from (
      select r ->> 'type' as wanted, r -> 'from' as sources from jsonb_array_elements(coalesce(p_policy #> '{gates,evidence}', '[]')) r
      union all select 'test', r -> 'from' from jsonb_array_elements(coalesce(p_policy #> '{gates,tests}', '[]')) r
      union all select 'signature', r -> 'from' from jsonb_array_elements(coalesce(p_policy #> '{gates,signatures}', '[]')) r
      union all select 'provenance', p_policy #> '{gates,provenance,from}'
      union all select 'sbom', p_policy #> '{gates,sbom,from}'
      union all select 'sbom', p_policy #> '{gates,licences,from}'
      union all select 'vulnerabilities', p_policy #> '{gates,vulnerabilities,from}'
      union all select 'vex', p_policy #> '{gates,vulnerabilities,vex,from}') rule
    where rule.wanted in (p_type, p_predicate_type) and rule.sources ?| p_from)
$function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.purge_reach(p_digest text)
 RETURNS text[]
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare v_reach text[] := array(select same_bytes(p_digest)); v_more text[];
begin
  loop
    select array_agg(distinct same.digest) into v_more from manifest_edge e cross join lateral same_bytes(e.child_digest) same (digest)
      where e.parent_digest = any (v_reach) and e.kind = 'manifest' and same.digest <> all (v_reach)
        and not exists (
          select from same_bytes(e.child_digest) held (digest)
          where exists (select from tag t where t.digest = held.digest)
            or exists (select from admission a where a.digest = held.digest)
            or exists (
              select from manifest_edge other join repository_manifest rm on rm.digest = other.parent_digest
              where other.child_digest = held.digest and other.kind = 'manifest' and other.parent_digest <> all (v_reach)));
    exit when v_more is null;
    v_reach := v_reach || v_more;
  end loop;
  return v_reach;
end $function$

owner sluice_owner; rights sluice_api: execute

CREATE OR REPLACE FUNCTION public.put_remote_tag(p_promotion uuid, p_feed uuid, p_repository uuid, p_item request_item, p_tag text)
 RETURNS text
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare v_ledger text; v_seen text;
begin
  -- One that was sent once and answered arrives no more; of an earlier attempt nobody knows.
  update commit_intent set committed_at = now(), free_at = case when sendings = 1 then now() else free_at end
    where feed_id = p_feed and repository = p_item.target_repository and tag = p_tag and promotion_id = p_promotion
    returning previous into v_seen;
  select digest into v_ledger from tag where repository_id = p_repository and name = p_tag for update;
  insert into tag (repository_id, name, digest) values (p_repository, p_tag, p_item.digest)
    on conflict (repository_id, name) do update set digest = excluded.digest, moved_at = now() where tag.digest <> excluded.digest;
  insert into remote_tag (repository_id, name, digest) values (p_repository, p_tag, p_item.digest)
    on conflict (repository_id, name) do update set digest = excluded.digest;
  return coalesce(v_ledger, v_seen);
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.put_tag(p_repository uuid, p_item request_item, p_target request_target)
 RETURNS text
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare v_current text;
begin
  -- A tag that nothing held is taken by insertion, so that two promotions cannot both take it.
  insert into tag (repository_id, name, digest)
    select p_repository, p_target.tag, p_item.digest where p_target.expected_digest is null
    on conflict do nothing;
  if found then
    return null;
  end if;
  select digest into v_current from tag where repository_id = p_repository and name = p_target.tag for update;
  if v_current = p_item.digest then
    return v_current;
  end if;
  if v_current is null or v_current is distinct from p_target.expected_digest then
    perform refuse('target_moved', format('%s:%s points at %s; when the request was made it pointed at %s',
      p_item.target_repository, p_target.tag, coalesce(v_current, 'nothing'), coalesce(p_target.expected_digest, 'nothing')));
  end if;
  update tag set digest = p_item.digest, moved_at = now() where repository_id = p_repository and name = p_target.tag;
  return v_current;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.recall_of(p_feed uuid, p_digest text)
 RETURNS uuid
 LANGUAGE sql
 STABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
  with recursive part (digest) as (
    select p_digest
    union
    select e.child_digest from part join manifest_edge e on e.parent_digest = part.digest and e.kind = 'manifest')
  select r.id from recall r join part on part.digest = r.digest
  where r.lifted_at is null and r.feed_id in (select feeds_above(p_feed))
  order by r.at, r.id limit 1
$function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.recalled(p_feed uuid, p_digest text)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
  select case when exists (select from recall where lifted_at is null) then recall_of(p_feed, p_digest) is not null else false end
$function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.receive_blob(p_promotion uuid, p_attempt integer, p_worker text, p_digest text, p_size bigint, p_storage_key text)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare v_run record; v_promotion promotion; v_request request;
begin
  select * into v_run from hold_run(p_promotion, p_attempt, p_worker);
  v_promotion := v_run.held_promotion;
  v_request := v_run.held_request;
  if not exists (
    select from closure_member c join request r on r.id = c.request_id join lane l on l.id = r.lane_id join feed f on f.id = l.to_feed_id
    where c.request_id = v_request.id and c.digest = p_digest and c.kind = 'blob' and c.size = p_size and f.kind = 'hosted') then
    perform refuse('closure_incomplete', format('%s of %s bytes is not part of what was approved', p_digest, p_size));
  end if;
  insert into blob (digest, size, storage_key) values (p_digest, p_size, p_storage_key) on conflict (digest) do nothing;
  if found then
    return null;
  end if;
  -- The old bytes are queued for removal where these heal them.
  if heal_blob(p_digest, p_size, p_storage_key) is not null then
    return null;
  end if;
  return p_storage_key;
end $function$

owner sluice_owner; rights sluice_worker: execute

CREATE OR REPLACE FUNCTION public.receive_late_blob(p_admission uuid, p_manifest text, p_digest text, p_size bigint, p_storage_key text)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if not exists (
    select from admission a join promotion p on p.id = a.promotion_id
      join request_item i on i.request_id = p.request_id and i.position = a.position
      join repository_manifest s on s.repository_id = i.source_repository_id and s.digest = p_manifest
      join manifest_edge e on e.parent_digest = s.digest and e.child_digest = p_digest and e.size = p_size and e.kind in ('config', 'layer')
    where a.id = p_admission and not is_remote(a.repository_id)) then
    perform refuse('closure_incomplete', format('%s of %s bytes is no part of what follows', p_digest, p_size));
  end if;
  insert into blob (digest, size, storage_key) values (p_digest, p_size, p_storage_key) on conflict (digest) do nothing;
  if found or heal_blob(p_digest, p_size, p_storage_key) is not null then
    return null;
  end if;
  return p_storage_key;
end $function$

owner sluice_owner; rights sluice_worker: execute

CREATE OR REPLACE FUNCTION public.record_late(p_id uuid, p_admission uuid, p_subject text, p_digest text, p_tag text, p_carries jsonb, p_state text, p_entry uuid)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  insert into late_referrer (id, admission_id, subject, digest, tag, state, carries, entry_id)
    values (p_id, p_admission, p_subject, p_digest, p_tag, p_state, p_carries, p_entry)
    on conflict (admission_id, subject, digest, tag) do update
      set state = excluded.state, reason = null, carries = excluded.carries, entry_id = excluded.entry_id
      where late_referrer.id = excluded.id;
  if not found then
    perform refuse('not_admitted', format('%s is recorded already', p_digest));
  end if;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.refuse(code text, reason text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  raise exception using errcode = 'SL001', message = code, detail = reason;
end $function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.refuse_given_password()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if new.decision = 'approve' and exists (
    select from credential c join request r on r.id = new.request_id
    where c.person_id = new.person_id and c.given_by = any (r.requester_persons) and c.given_at >= r.created_at) then
    perform refuse('password_known_to_requester',
      'the requester set this person''s password while the request was open; another person must approve, or a new request be made');
  end if;
  return new;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.refuse_lane_to_proxy()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if exists (select from feed where id = new.to_feed_id and kind = 'proxy') then
    perform refuse('lane_fixed', 'no lane leads into a proxy feed: its upstream alone fills it');
  end if;
  return new;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.refuse_proxy_upload()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if is_proxy(new.repository_id) then
    perform refuse('repository_fixed', 'a proxy feed is filled from its upstream alone');
  end if;
  return new;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.refuse_purged_blob()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if exists (select from tombstone t where t.digest = new.digest) then
    perform refuse('purged', format('%s was purged; its bytes are not taken again', new.digest));
  end if;
  return null;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.refuse_remote_blob()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if is_remote(new.repository_id) then
    perform refuse('repository_fixed', 'the blobs of a remote feed stay in its registry');
  end if;
  return new;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.remember_giver()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if new.set_by <> new.person_id and (tg_op = 'INSERT' or new.password_hash <> old.password_hash) then
    new.given_by := new.set_by;
    new.given_at := now();
  elsif tg_op = 'INSERT' then
    new.given_by := null;
    new.given_at := null;
  else
    new.given_by := old.given_by;
    new.given_at := old.given_at;
  end if;
  return new;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.remote_address(p_feed uuid)
 RETURNS text
 LANGUAGE sql
 STABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
  select regexp_replace(base_url, '^https?://', '') || case prefix when '' then '' else '/' || prefix end
  from feed_remote where feed_id = p_feed
$function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.request_binding(request uuid, OUT set_digest text, OUT bound_hash text)
 RETURNS record
 LANGUAGE sql
 STABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
  with item as (
    select i.position, format('item %s %s %s %s %s %s', i.position, i.source_repository_id, i.digest, i.media_type,
      (select encode(sha256(convert_to(coalesce(string_agg(format('%s %s %s %s', c.kind, c.digest, c.size, c.media_type), e'\n' order by c.digest collate "C"), ''), 'UTF8')), 'hex')
         from closure_member c where c.request_id = i.request_id and c.position = i.position),
      i.target_repository) as line,
      (select string_agg(e'\n' || format('tag %s %s %s', t.position, t.tag, coalesce(t.expected_digest, '-')), '' order by t.tag collate "C")
         from request_target t where t.request_id = i.request_id and t.position = i.position) as tags
    from request_item i where i.request_id = request_binding.request
  ), whole as (
    select 'sha256:' || encode(sha256(convert_to(coalesce(string_agg(line || coalesce(tags, ''), e'\n' order by position), ''), 'UTF8')), 'hex') as digest from item
  )
  select whole.digest, encode(sha256(convert_to(format(e'sluice-binding/v1\nrequest %s\nlane %s %s %s\nset %s%s',
      r.id, r.lane_id, r.lane_version, v.policy_hash, whole.digest,
      case when r.kind <> 'promote' then format(e'\nkind %s %s', r.kind, coalesce(r.recall_id::text, '-')) end), 'UTF8')), 'hex')
  from whole, request r join lane_version v on v.lane_id = r.lane_id and v.version = r.lane_version
  where r.id = request_binding.request
$function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.request_quorum_met(request uuid)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
  select case when r.kind = 'break-glass'
       then exists (select from break_glass b where b.request_id = r.id and b.bound_hash = r.bound_hash)
       else (select count(*) from valid_approvers(request_quorum_met.request)) >= greatest(v.quorum, 1) end
     and not exists (select from approval a where a.request_id = r.id and a.decision = 'reject' and a.revoked_at is null)
     and (r.kind = 'break-glass' or not exists (
       select from (
         select q ->> 'group' as name, sum((q ->> 'count')::int) as needed
         from jsonb_array_elements(coalesce(v.policy #> '{gates,quorum}', '[]')) q where q ? 'group' group by 1) rule
       where rule.needed > (
         select count(*) from valid_approvers(r.id) person
         where rule.name in (select g.name from groups_at(person, r.created_at) g))))
  from request r join lane_version v on v.lane_id = r.lane_id and v.version = r.lane_version
  where r.id = request_quorum_met.request
$function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.require_admissible(p_promotion uuid, p_request request)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare v_item request_item; v_from uuid; v_feed uuid;
begin
  if p_request.state <> 'APPROVED' then
    perform refuse('request_state', format('request %s is %s', p_request.id, p_request.state));
  end if;
  if p_request.expires_at <= now() then
    perform refuse('request_expired', format('request %s expired at %s', p_request.id, p_request.expires_at));
  end if;
  if not exists (select from request_binding(p_request.id) b
                 where b.set_digest = p_request.set_digest and b.bound_hash = p_request.bound_hash) then
    perform refuse('binding_mismatch', 'the request is not what was approved');
  end if;
  if not (exists (select from valid_approvers(p_request.id))
          or p_request.kind = 'break-glass' and exists (select from break_glass where request_id = p_request.id))
     or not request_quorum_met(p_request.id) then
    perform refuse('quorum_missing', 'the approvals that the lane asks for are not there');
  end if;
  perform require_gates(p_promotion, p_request);
  perform require_closure(p_promotion, p_request.id);
  perform hold_recalls(p_request.kind);
  select from_feed_id, to_feed_id into v_from, v_feed from lane where id = p_request.lane_id;
  for v_item in select * from request_item where request_id = p_request.id order by position loop
    if p_request.kind in ('promote', 'break-glass') then
      if not exists (select from repository where id = v_item.source_repository_id and feed_id = v_from) then
        perform refuse('lane_fixed', 'a promotion takes from the first feed of its lane');
      end if;
    elsif not exists (
      select from repository r join repository_manifest m on m.repository_id = r.id
      where r.id = v_item.source_repository_id and r.feed_id = v_feed and r.name = v_item.target_repository
        and m.digest = v_item.digest and m.admission_id is not null) then
      perform refuse('not_admitted', format('%s was never let into %s', v_item.digest, v_item.target_repository));
    end if;
    if p_request.kind <> 'restore' and recalled(v_feed, v_item.digest) then
      perform refuse('recalled', format('%s is recalled: %s', v_item.digest,
        (select reason from recall where id = recall_of(v_feed, v_item.digest))));
    end if;
  end loop;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.require_closure(p_promotion uuid, p_request uuid)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare v_missing text; v_hosted boolean;
begin
  select f.kind <> 'remote' into v_hosted from request r join lane l on l.id = r.lane_id join feed f on f.id = l.to_feed_id
    where r.id = p_request;
  select string_agg(c.digest, ', ') into v_missing from closure_member c
    where c.request_id = p_request and not exists (
      select from staged_member s where s.promotion_id = p_promotion and s.position = c.position
        and s.digest = c.digest and s.kind = c.kind and s.verified_at is not null);
  if v_missing is not null then
    perform refuse('closure_incomplete', format('not staged and verified: %s', left(v_missing, 500)));
  end if;
  -- The share lock keeps a collector from unlinking what is about to be linked.
  perform from blob b where v_hosted and b.digest in (
    select c.digest from closure_member c where c.request_id = p_request and c.kind = 'blob')
    order by b.digest for share;
  select string_agg(c.digest, ', ') into v_missing from closure_member c
    where c.request_id = p_request and (
      c.kind = 'blob' and v_hosted and not exists (
        select from blob b where b.digest = c.digest and b.size = c.size and b.quarantined_at is null)
      or c.kind = 'manifest' and not exists (select from manifest m where m.digest = c.digest));
  if v_missing is not null then
    perform refuse('closure_incomplete', format('not stored, or quarantined: %s', left(v_missing, 500)));
  end if;
  select string_agg(e.child_digest, ', ') into v_missing
    from closure_member c join manifest_edge e on e.parent_digest = c.digest and e.required
    where c.request_id = p_request and c.kind = 'manifest' and not exists (
      select from closure_member x where x.request_id = c.request_id and x.position = c.position and x.digest = e.child_digest);
  if v_missing is not null then
    perform refuse('closure_incomplete', format('referred to, but not part of what was approved: %s', left(v_missing, 500)));
  end if;
end $function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.require_entry(entry uuid, subject text, actor text DEFAULT NULL::text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  perform from audit_entry e where e.id = entry and e.subjects @> array[subject]
    and (require_entry.actor is null or e.actor = require_entry.actor);
  if not found then
    perform refuse('entry_missing', format('no audit entry %s about %s', entry, subject));
  end if;
end $function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.require_gates(p_promotion uuid, p_request request)
 RETURNS void
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare v_report jsonb; v_closed text;
begin
  select g.report into v_report from gate_report g join promotion p on p.id = g.promotion_id and p.attempt = g.attempt
    where g.request_id = p_request.id and g.promotion_id = p_promotion and g.phase = 'start' order by g.at desc, g.id desc limit 1;
  if v_report is null then
    perform refuse('gate_refused', 'the gates were not evaluated when this attempt started');
  end if;
  v_closed := closed_gates(p_request, v_report, false);
  if v_closed is not null then
    perform refuse('gate_refused', format('not open when this attempt started: %s', v_closed));
  end if;
  if p_request.kind = 'break-glass' then
    return;
  end if;
  select g.report into v_report from gate_report g
    where g.request_id = p_request.id and g.phase = 'approval' order by g.at desc, g.id desc limit 1;
  v_closed := closed_gates(p_request, v_report, true);
  if v_report is null or v_closed is not null then
    perform refuse('gate_refused', format('not open when it was approved: %s', coalesce(v_closed, 'nobody evaluated the gates')));
  end if;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.require_late(p_admission admission, p_subject text, p_digest text, p_tag text, p_carries jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare v_request request; v_item request_item; v_policy jsonb; v_manifest manifest; v_source repository_manifest; v_carried jsonb; v_allowed text[];
begin
  select r.* into v_request from promotion p join request r on r.id = p.request_id where p.id = p_admission.promotion_id;
  if v_request.kind not in ('promote', 'break-glass') then
    perform refuse('not_admitted', 'only what came along a lane is followed');
  end if;
  select * into v_item from request_item where request_id = v_request.id and position = p_admission.position;
  select policy into v_policy from lane_version where lane_id = v_request.lane_id and version = v_request.lane_version;
  perform hold_recalls(v_request.kind);
  if recalled(p_admission.feed_id, p_admission.digest) or recalled(p_admission.feed_id, p_subject) or recalled(p_admission.feed_id, p_digest) then
    perform refuse('recalled', format('%s is recalled', p_admission.digest));
  end if;
  if not exists (select from closure_member c where c.request_id = v_request.id and c.position = p_admission.position
                   and c.kind = 'manifest' and c.digest = p_subject)
     and not exists (select from late_referrer l where l.admission_id = p_admission.id and l.digest = p_subject and l.state = 'admitted') then
    perform refuse('not_admitted', format('%s did not come with this promotion', p_subject));
  end if;
  -- Holds it against whoever takes it out meanwhile.
  perform from repository_manifest where repository_id = p_admission.repository_id and digest = p_subject for key share;
  if not found then
    perform refuse('not_admitted', format('%s is not in the target', p_subject));
  end if;
  select * into v_manifest from manifest where digest = p_digest for key share;
  if not found or v_manifest.kind <> 'manifest'
     or p_tag = '' and v_manifest.subject_digest is distinct from p_subject
     or p_tag <> '' and p_tag not in (signature_tag(p_subject) || '.sig', signature_tag(p_subject) || '.att', signature_tag(p_subject) || '.sbom') then
    perform refuse('not_admitted', format('%s does not refer to %s', p_digest, p_subject));
  end if;
  select * into v_source from repository_manifest where repository_id = v_item.source_repository_id and digest = p_digest for key share;
  if not found or p_tag <> '' and not exists (
      select from current_tag t where t.repository_id = v_item.source_repository_id and t.name = p_tag and t.digest = p_digest) then
    perform refuse('not_admitted', format('%s is not in the source', p_digest));
  end if;
  select array(select 'key:' || k from jsonb_object_keys(coalesce(v_policy -> 'keys', '{}')) k)
      || array(select 'identity:' || k from jsonb_object_keys(coalesce(v_policy -> 'identities', '{}')) k) || array_remove(array[sender_of(v_source.pushed_by)], null)
    into v_allowed;
  if jsonb_array_length(p_carries) = 0 or exists (
      select from manifest_edge e where e.parent_digest = p_digest and (not e.required or e.kind = 'manifest'
        or e.kind = 'layer' and not exists (select from jsonb_array_elements(p_carries) c where c ->> 'layer' = e.child_digest))) then
    perform refuse('not_admitted', format('%s holds something that carries no evidence', p_digest));
  end if;
  for v_carried in select * from jsonb_array_elements(p_carries) loop
    if not array(select jsonb_array_elements_text(v_carried -> 'from')) <@ v_allowed
       or not policy_asks_for(v_policy, v_carried ->> 'type', v_carried ->> 'predicateType', array(select jsonb_array_elements_text(v_carried -> 'from'))) then
      perform refuse('not_admitted', format('the policy that was approved does not name %s of %s', v_carried ->> 'type', v_carried -> 'from'));
    end if;
  end loop;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.require_signature_tag(p_admission admission, p_tag text, p_digest text, p_now text)
 RETURNS void
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if p_now is null or p_now = p_digest or exists (
      select from late_referrer l join admission a on a.id = l.admission_id
      where a.repository_id = p_admission.repository_id and l.tag = p_tag and l.digest = p_now and l.state = 'admitted') then
    return;
  end if;
  if not exists (
      select from late_referrer l join admission a on a.id = l.admission_id
      where a.repository_id = p_admission.repository_id and l.tag = p_tag and l.digest = p_now and l.state = 'intended') then
    perform refuse('target_moved', format('the target has %s under the tag %s, which no promotion put there', p_now, p_tag));
  end if;
  if exists (select from manifest where digest = p_now) then
    perform refuse('tag_held', format('%s was set under the tag %s before this, and is read back first; remove it from the target if it is damaged there',
      p_now, p_tag));
  end if;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.require_tag_move(p_feed feed, p_repository text, p_tag text, p_digest text)
 RETURNS void
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare v_held text;
begin
  if is_signature_tag(p_tag) then
    return;
  end if;
  select t.digest into v_held from repository r join tag t on t.repository_id = r.id and t.name = p_tag
    where r.feed_id = p_feed.id and r.name = p_repository;
  if v_held <> p_digest and matches_any_tag(p_feed.tag_rules -> 'immutable', p_tag) then
    perform refuse('tag_immutable', format('the tag %s is on %s for ever', p_tag, v_held));
  end if;
  if v_held is distinct from p_digest and p_feed.tag_rules -> 'versions' = 'true' and not is_release_tag(p_tag)
     and (is_virtual_tag(p_tag) or not matches_any_tag(p_feed.tag_rules -> 'permitted', p_tag)) then
    perform refuse('tag_not_permitted', format('the tag %s is neither a release nor permitted here', p_tag));
  end if;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.require_unalerted(p_feed uuid, p_repository text, p_tag text)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if tag_alerted(p_feed, p_repository, p_tag) then
    perform refuse('tag_alerted', format('%s:%s was changed in its registry by another way; resolve that alert first', p_repository, p_tag));
  end if;
end $function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.retire_manifest(p_repository uuid, p_digest text, p_tags text[], p_entry uuid)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare v_before timestamptz := collectable_before('1 day'); v_feed uuid; v_rules jsonb;
begin
  select f.id, f.tag_rules into v_feed, v_rules from repository r join feed f on f.id = r.feed_id
    where r.id = p_repository and not f.trusted and (f.kind = 'proxy' or jsonb_array_length(f.retention -> 'rules') > 0);
  if not found then
    return false;
  end if;
  perform require_entry(p_entry, 'feed:' || v_feed, 'system');
  -- Whoever builds on it now holds a key share on it, and it is skipped.
  perform from repository_manifest where repository_id = p_repository and digest = p_digest for update skip locked;
  if not found then
    return false;
  end if;
  perform from repository_manifest rm where rm.repository_id = p_repository and rm.digest = p_digest
    and rm.pushed_at < v_before and rm.admission_id is null
    and not awaited(p_digest)
    and not runs(p_digest)
    and not exists (select from admission a where a.digest = p_digest)
    and not exists (select from manifest_use u where u.repository_id = p_repository and u.digest = p_digest and u.used_at >= v_before)
    and not exists (select from tag t where t.repository_id = p_repository and t.digest = p_digest
      and (t.name <> all (p_tags) or matches_any_tag(v_rules -> 'immutable', t.name)))
    and not exists (
      select from manifest_edge e join repository_manifest parent on parent.digest = e.parent_digest
      where e.child_digest = p_digest and e.kind = 'manifest' and parent.repository_id = p_repository)
    and not exists (
      select from manifest m join repository_manifest subject on subject.digest = m.subject_digest
      where m.digest = p_digest and subject.repository_id = p_repository);
  if not found then
    return false;
  end if;
  with gone as (delete from tag where repository_id = p_repository and digest = p_digest returning name)
  insert into tag_move (repository_id, tag, from_digest, entry_id) select p_repository, name, p_digest, p_entry from gone order by name;
  delete from repository_manifest where repository_id = p_repository and digest = p_digest;
  return true;
end $function$

owner sluice_owner; rights sluice_worker: execute

CREATE OR REPLACE FUNCTION public.runs(p_digest text)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
  select case when exists (select from running_image where ended_at is null)
    then exists (select from running_image i where i.ended_at is null and i.digest in (select runs_as(p_digest))) else false end
$function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.runs_as(p_digest text)
 RETURNS SETOF text
 LANGUAGE sql
 STABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
  with recursive part (digest) as (
    select p_digest
    union
    select e.child_digest from part join manifest_edge e on e.parent_digest = part.digest and e.kind in ('manifest', 'config')),
  whole (digest) as (
    select p_digest
    union
    select e.parent_digest from whole join manifest_edge e on e.child_digest = whole.digest and e.kind = 'manifest')
  select digest from part union select digest from whole
$function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.same_bytes(p_digest text)
 RETURNS SETOF text
 LANGUAGE sql
 STABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
  select p_digest union
  select other.digest from manifest m join manifest other on other.digest = any (digests_of(m.bytes)) where m.digest = p_digest
$function$

owner sluice_owner; rights sluice_api: execute

CREATE OR REPLACE FUNCTION public.schedule_late_scan()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  -- What leads back takes from the target itself.
  insert into late_scan (admission_id, due_at)
    select new.id, now() + interval '15 seconds' from promotion p join request r on r.id = p.request_id
    where p.id = new.promotion_id and r.kind in ('promote', 'break-glass');
  return null;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.seal_audit_entry()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare entry jsonb := convert_from(new.bytes, 'UTF8')::jsonb;
begin
  if entry -> 'v' is distinct from '1'::jsonb then
    perform refuse('entry_invalid', 'an entry is canonical JSON with v 1');
  end if;
  new.type := entry ->> 'type';
  new.at := (entry ->> 'at')::timestamptz;
  new.actor := entry ->> 'actor';
  new.subjects := array(select jsonb_array_elements_text(entry -> 'subjects'));
  new.leaf := sha256('\x00'::bytea || new.bytes);
  return new;
end $function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.sender_of(p_principal uuid)
 RETURNS text
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
  select coalesce(
    (select 'robot:' || r.name from robot r where r.id = p_principal),
    (select 'user:' || i.subject from identity i where i.person_id = p_principal and i.issuer = 'local'
      order by i.created_at, i.id limit 1))
$function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.settle_feed_usage()
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  perform pg_advisory_xact_lock(hashtextextended('sluice usage', 0));
  with gone as (delete from feed_usage)
  insert into feed_usage (feed_id, bytes)
    select held.feed_id, sum(b.size)
    from (select distinct r.feed_id, rb.digest from repository_blob rb join repository r on r.id = rb.repository_id) held
    join blob b on b.digest = held.digest
    group by held.feed_id;
end $function$

owner sluice_owner; rights sluice_worker: execute

CREATE OR REPLACE FUNCTION public.signature_tag(p_digest text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
  select split_part(p_digest, ':', 1) || '-' || left(split_part(p_digest, ':', 2), 64)
$function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.stamp_feed()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  select feed_id into new.feed_id from repository where id = new.repository_id;
  return new;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.stamp_membership()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
begin
  if tg_op = 'UPDATE' then
    perform refuse('membership_fixed', 'a membership is made and ended, never changed');
  end if;
  new.added_at := now();
  return new;
end $function$

owner sluice_owner; rights 

CREATE OR REPLACE FUNCTION public.tag_alerted(p_feed uuid, p_repository text, p_tag text)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
  select exists (
    select from remote_alert a join repository r on r.id = a.repository_id
    where r.feed_id = p_feed and r.name = p_repository and a.tag = p_tag and a.resolved_at is null)
$function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

CREATE OR REPLACE FUNCTION public.unlink_blob(p_repository uuid, p_digest text, p_grace interval)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
declare v_before timestamptz := collectable_before(p_grace);
begin
  perform from repository_blob where repository_id = p_repository and digest = p_digest for update skip locked;
  if not found then
    return false;
  end if;
  delete from repository_blob rb
  where rb.repository_id = p_repository and rb.digest = p_digest and rb.linked_at < v_before
    and rb.admission_id is null
    and not exists (select from repository r join feed f on f.id = r.feed_id where r.id = p_repository and f.trusted)
    and not exists (
      select from manifest_edge e join repository_manifest rm on rm.digest = e.parent_digest
      where e.child_digest = p_digest and rm.repository_id = p_repository);
  return found;
end $function$

owner sluice_owner; rights sluice_worker: execute

CREATE OR REPLACE FUNCTION public.valid_approvers(request uuid)
 RETURNS SETOF uuid
 LANGUAGE sql
 STABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
  select distinct a.person_id
  from approval a join request r on r.id = a.request_id join person p on p.id = a.person_id
  where a.request_id = valid_approvers.request and a.decision = 'approve' and a.revoked_at is null
    and a.bound_hash = r.bound_hash and p.disabled_at is null and a.person_id <> all (r.requester_persons)
$function$

owner sluice_owner; rights sluice_api: execute; sluice_worker: execute

