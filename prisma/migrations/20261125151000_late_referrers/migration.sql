-- Signatures, SBOMs and attestations that come to the source after a promotion (docs/adr/0014). They follow their image
-- under its admission, each with an entry of its own, where the policy version that was approved names their type and
-- who vouches for them. Whether a signature is good the worker finds out; everything else is checked here.

create table late_referrer (
  id           uuid primary key,
  -- Of the image that it came after.
  admission_id uuid not null references admission,
  -- What it speaks about: a manifest that the promotion let in, or one that followed it.
  subject      text not null,
  digest       text not null,
  -- As `sha256-….sig`; empty: it refers by its own subject.
  tag          text not null default '' collate "C",
  -- waiting: looked at again. intended: about to be pushed to a registry elsewhere.
  state        text not null check (state in ('waiting', 'intended', 'admitted', 'refused')),
  reason       text,
  -- Layer by layer: [{"layer", "type", "predicateType", "from"}].
  carries      jsonb not null default '[]',
  found_at     timestamptz(3) not null default now(),
  changed_at   timestamptz(3) not null default now(),
  entry_id     uuid references audit_entry,
  unique (admission_id, subject, digest, tag),
  check ((entry_id is not null) = (state in ('intended', 'admitted'))),
  check ((reason is not null) = (state in ('waiting', 'refused')))
);
create index late_referrer_digest_idx on late_referrer (digest);

-- When the source of an admission is looked at again; infinity: when somebody asks.
create table late_scan (
  admission_id uuid primary key references admission,
  due_at       timestamptz(3) not null default now(),
  scanned_at   timestamptz(3),
  -- Why not all could be looked at the last time.
  problem      text
);
create index late_scan_due_at_idx on late_scan (due_at);

create function schedule_late_scan() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  -- What leads back takes from the target itself.
  insert into late_scan (admission_id, due_at)
    select new.id, now() + interval '15 seconds' from promotion p join request r on r.id = p.request_id
    where p.id = new.promotion_id and r.kind in ('promote', 'break-glass');
  return null;
end $$;
create trigger schedule_late_scan after insert on admission for each row execute function schedule_late_scan();
alter table admission enable always trigger schedule_late_scan;
insert into late_scan (admission_id, due_at)
  select a.id, case when a.at > now() - interval '90 days' then now() else 'infinity' end
  from admission a join promotion p on p.id = a.promotion_id join request r on r.id = p.request_id
  where r.kind in ('promote', 'break-glass');

-- Only the functions below let in; what was let in stays as it is recorded.
create function guard_late_referrer() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  if tg_op = 'DELETE' then
    perform refuse('append_only', 'what came after a promotion stays on record');
  end if;
  if tg_op = 'UPDATE' and (old.state = 'admitted'
      or to_jsonb(new) - array['state', 'reason', 'carries', 'changed_at', 'entry_id']
         <> to_jsonb(old) - array['state', 'reason', 'carries', 'changed_at', 'entry_id']) then
    perform refuse('append_only', 'what followed an image is recorded once');
  end if;
  if current_user <> 'sluice_owner' and (new.state in ('intended', 'admitted') or tg_op = 'UPDATE' and old.state = 'intended') then
    perform refuse('not_admitted', 'what follows an image is let in by admit_referrer');
  end if;
  new.changed_at := now();
  return new;
end $$;
create trigger guard before insert or update or delete on late_referrer for each row execute function guard_late_referrer();
alter table late_referrer enable always trigger guard;
create trigger append_only_truncate before truncate on late_referrer for each statement execute function append_only();
alter table late_referrer enable always trigger append_only_truncate;

-- Who looks at the request sees it.
create function notify_late_referrer() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  perform pg_notify('sluice_request', p.request_id::text)
    from admission a join promotion p on p.id = a.promotion_id where a.id = new.admission_id;
  return null;
end $$;
create trigger notify after insert or update of state on late_referrer for each row execute function notify_late_referrer();

-- Workers hear that something is due.
create function notify_due() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  perform pg_notify('sluice_due', tg_argv[0]);
  return null;
end $$;
create trigger notify after update of due_at on late_scan for each row
  when (new.due_at < old.due_at) execute function notify_due('referrers');

-- Does a rule of this policy ask for evidence of this type, from one of these? packages/promotion/src/required.ts says the same.
create function policy_asks_for(p_policy jsonb, p_type text, p_predicate_type text, p_from text[]) returns boolean
language sql immutable set search_path = public, pg_temp as $$
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
$$;

-- The tag that stands for what cosign hangs on a digest, without its end.
create function signature_tag(p_digest text) returns text
language sql immutable set search_path = public, pg_temp as $$
  select split_part(p_digest, ':', 1) || '-' || left(split_part(p_digest, ':', 2), 64)
$$;

-- All that lets a referrer follow its image, under locks that hold until the transaction ends.
create function require_late(p_admission admission, p_subject text, p_digest text, p_tag text, p_carries jsonb) returns void
language plpgsql set search_path = public, pg_temp as $$
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
end $$;

-- A tag of cosign in a target is only moved from nothing, or from what followed the image before.
create function require_signature_tag(p_admission admission, p_tag text, p_digest text, p_now text) returns void
language plpgsql stable set search_path = public, pg_temp as $$
begin
  if p_now is not null and p_now <> p_digest and not exists (
      select from late_referrer l join admission a on a.id = l.admission_id
      where a.repository_id = p_admission.repository_id and l.tag = p_tag and l.digest = p_now and l.state = 'admitted') then
    perform refuse('target_moved', format('the target has %s under the tag %s, which no promotion put there', p_now, p_tag));
  end if;
end $$;

create function record_late(p_id uuid, p_admission uuid, p_subject text, p_digest text, p_tag text, p_carries jsonb, p_state text, p_entry uuid) returns void
language plpgsql set search_path = public, pg_temp as $$
begin
  insert into late_referrer (id, admission_id, subject, digest, tag, state, carries, entry_id)
    values (p_id, p_admission, p_subject, p_digest, p_tag, p_state, p_carries, p_entry)
    on conflict (admission_id, subject, digest, tag) do update
      set state = excluded.state, reason = null, carries = excluded.carries, entry_id = excluded.entry_id
      where late_referrer.id = excluded.id;
  if not found then
    perform refuse('not_admitted', format('%s is recorded already', p_digest));
  end if;
end $$;

-- About to be pushed to the registry of a remote target. What was intended once is finished, whatever came since.
-- p_now: what the registry served under the tag a moment ago; null for nothing.
create function intend_referrer(p_id uuid, p_admission uuid, p_subject text, p_digest text, p_tag text, p_carries jsonb, p_entry uuid,
  p_now text, p_lease interval, p_timeout interval) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
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
  end if;
  if p_tag <> '' then
    perform require_signature_tag(v_admission, p_tag, p_digest, p_now);
    select name into v_repository from repository where id = v_admission.repository_id;
    insert into commit_intent as c (feed_id, repository, tag, promotion_id, digest, previous, attempt, send_until, free_at, entry_id)
      values (v_admission.feed_id, v_repository, p_tag, v_admission.promotion_id, p_digest, p_now, 1, v_until, v_until + p_timeout, p_entry)
      on conflict (feed_id, repository, tag) do update set
        promotion_id = excluded.promotion_id, digest = excluded.digest, previous = excluded.previous, sendings = c.sendings + 1,
        entry_id = excluded.entry_id, send_until = excluded.send_until, free_at = greatest(c.free_at, excluded.free_at), committed_at = null
      where c.free_at <= now() or c.digest = excluded.digest;
    if not found then
      perform refuse('tag_held', format('%s:%s is being set', v_repository, p_tag));
    end if;
  end if;
  perform record_late(p_id, p_admission, p_subject, p_digest, p_tag, p_carries, 'intended', p_entry);
end $$;

-- Lets a referrer into the target of the promotion that its image came by. To a registry elsewhere it was pushed already.
create function admit_referrer(p_id uuid, p_admission uuid, p_subject text, p_digest text, p_tag text, p_carries jsonb, p_entry uuid) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare v_admission admission; v_remote boolean; v_missing text; v_now text; v_media_type text; v_moved boolean;
begin
  select * into v_admission from admission where id = p_admission;
  if not found then
    perform refuse('not_admitted', 'there is no such admission');
  end if;
  perform require_entry(p_entry, 'referrer:' || p_id, 'system');
  v_remote := is_remote(v_admission.repository_id);
  if not v_remote then
    perform require_late(v_admission, p_subject, p_digest, p_tag, p_carries);
    -- The share lock keeps a collector from unlinking what is about to be linked.
    perform from blob b where b.digest in (select child_digest from manifest_edge where parent_digest = p_digest) order by b.digest for share;
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
  select rm.media_type into v_media_type from promotion p join request_item i on i.request_id = p.request_id and i.position = v_admission.position
    join repository_manifest rm on rm.repository_id = i.source_repository_id and rm.digest = p_digest
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
end $$;

-- Keeps a manifest that was seen in an untrusted registry elsewhere, with the edges that its own bytes name: what the
-- worker says of them does not count. One manifest with its layers; indexes are observed with requests.
create function observe_referrer(p_repository uuid, p_digest text, p_media_type text, p_bytes bytea) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
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
end $$;

-- Keeps a blob that a late referrer brings from elsewhere, as receive_blob does for a promotion.
create function receive_late_blob(p_admission uuid, p_manifest text, p_digest text, p_size bigint, p_storage_key text) returns text
language plpgsql security definer set search_path = public, pg_temp as $$
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
end $$;

revoke all on late_referrer, late_scan from public;
revoke all on function schedule_late_scan, guard_late_referrer, notify_late_referrer, notify_due, policy_asks_for, signature_tag, require_late,
  require_signature_tag, record_late, intend_referrer, admit_referrer, observe_referrer, receive_late_blob from public;
grant select on late_referrer, late_scan to sluice_api, sluice_worker;
grant update (due_at) on late_scan to sluice_api;
grant update (due_at, scanned_at, problem) on late_scan to sluice_worker;
grant insert on late_referrer to sluice_worker;
grant update (state, reason, carries) on late_referrer to sluice_worker;
grant execute on function intend_referrer, admit_referrer, observe_referrer, receive_late_blob to sluice_worker;
grant execute on function signature_tag, policy_asks_for to sluice_api, sluice_worker;
