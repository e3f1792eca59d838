-- What Postgres enforces itself, whatever the code does (docs/security.md).
-- Refusals carry SQLSTATE SL001, the closed code as message, and the sentence as detail.

create function refuse(code text, reason text) returns void language plpgsql as $$
begin
  raise exception using errcode = 'SL001', message = code, detail = reason;
end $$;

-- ── append-only ─────────────────────────────────────────────────────────────────────────────
create function append_only() returns trigger language plpgsql as $$
begin
  perform refuse('append_only', format('%s rows are written once; %s is refused', tg_table_name, lower(tg_op)));
  return null;
end $$;

do $$
declare t text;
begin
  foreach t in array array['audit_entry', 'lane_version', 'request_item', 'request_target',
                           'closure_member', 'gate_report', 'admission', 'tag_move'] loop
    execute format('create trigger append_only before update or delete on %I for each row execute function append_only()', t);
    execute format('create trigger append_only_truncate before truncate on %I for each statement execute function append_only()', t);
    execute format('alter table %I enable always trigger append_only', t);
    execute format('alter table %I enable always trigger append_only_truncate', t);
  end loop;
end $$;

-- ── audit entries say what their bytes say ──────────────────────────────────────────────────
create function seal_audit_entry() returns trigger language plpgsql as $$
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
end $$;
create trigger seal before insert on audit_entry for each row execute function seal_audit_entry();
alter table audit_entry enable always trigger seal;

-- The entry must speak of the row that names it, or one old entry could cover everything.
create function require_entry(entry uuid, subject text, actor text default null) returns void
language plpgsql as $$
begin
  perform from audit_entry e where e.id = entry and e.subjects @> array[subject]
    and (require_entry.actor is null or e.actor = require_entry.actor);
  if not found then
    perform refuse('entry_missing', format('no audit entry %s about %s', entry, subject));
  end if;
end $$;

-- ── feeds ───────────────────────────────────────────────────────────────────────────────────
create function guard_feed() returns trigger language plpgsql as $$
begin
  if new.id <> old.id or new.kind <> old.kind then
    perform refuse('feed_fixed', 'the id and kind of a feed never change');
  end if;
  if new.trusted <> old.trusted and exists (select from repository r where r.feed_id = old.id) then
    perform refuse('trusted_fixed', 'trusted cannot be switched once the feed holds a repository');
  end if;
  return new;
end $$;
create trigger guard before update on feed for each row execute function guard_feed();
alter table feed enable always trigger guard;

create function guard_feed_name() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' or new.name <> old.name or new.feed_id <> old.feed_id then
    perform refuse('feed_name_reserved', format('the name %s is reserved to its feed for ever', old.name));
  end if;
  return new;
end $$;
create trigger guard before update or delete on feed_name for each row execute function guard_feed_name();
alter table feed_name enable always trigger guard;

create function guard_repository() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' then
    perform refuse('repository_fixed', 'a repository keeps its feed and name');
  end if;
  -- Waits for, and is waited for by, a switch of `trusted` (guard_feed).
  perform from feed where id = new.feed_id for share;
  return new;
end $$;
create trigger guard before insert or update or delete on repository for each row execute function guard_repository();
alter table repository enable always trigger guard;

-- Invariant 1: memberships and tags of a trusted feed change only inside `admit`.
create function guard_membership() returns trigger language plpgsql as $$
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
         or row_new ? 'promotion_id' and row_new ->> 'promotion_id' is null then
        perform refuse('trusted_feed', 'what enters a trusted feed names its admission');
      end if;
    end if;
  end if;
  return case when tg_op = 'DELETE' then old else new end;
end $$;

do $$
declare t text;
begin
  foreach t in array array['repository_blob', 'repository_manifest', 'tag', 'tag_move'] loop
    execute format('create trigger guard_membership before insert or update or delete on %I for each row execute function guard_membership()', t);
    execute format('alter table %I enable always trigger guard_membership', t);
  end loop;
end $$;

-- ── lanes ───────────────────────────────────────────────────────────────────────────────────
create function guard_lane() returns trigger language plpgsql as $$
begin
  if (new.id, new.name, new.from_feed_id, new.to_feed_id) is distinct from (old.id, old.name, old.from_feed_id, old.to_feed_id) then
    perform refuse('lane_fixed', 'a lane keeps its name and both its feeds');
  end if;
  return new;
end $$;
create trigger guard before update on lane for each row execute function guard_lane();
alter table lane enable always trigger guard;

create function guard_lane_version() returns trigger language plpgsql as $$
begin
  perform require_entry(new.entry_id, 'lane:' || new.lane_id, 'person:' || new.created_by);
  return new;
end $$;
create trigger guard before insert on lane_version for each row execute function guard_lane_version();
alter table lane_version enable always trigger guard;

-- ── requests ────────────────────────────────────────────────────────────────────────────────
-- What an approval binds, computed from the rows themselves; packages/promotion computes the same.
create function request_binding(request uuid, out set_digest text, out bound_hash text)
language sql stable as $$
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
  select whole.digest, encode(sha256(convert_to(format(e'sluice-binding/v1\nrequest %s\nlane %s %s %s\nset %s',
      r.id, r.lane_id, r.lane_version, v.policy_hash, whole.digest), 'UTF8')), 'hex')
  from whole, request r join lane_version v on v.lane_id = r.lane_id and v.version = r.lane_version
  where r.id = request_binding.request
$$;

-- The persons whose approval counts: on this very hash, not withdrawn, able to sign in, not the requester.
create function valid_approvers(request uuid) returns setof uuid language sql stable as $$
  select distinct a.person_id
  from approval a join request r on r.id = a.request_id join person p on p.id = a.person_id
  where a.request_id = valid_approvers.request and a.decision = 'approve' and a.revoked_at is null
    and a.bound_hash = r.bound_hash and p.disabled_at is null and a.person_id <> all (r.requester_persons)
$$;

create function request_quorum_met(request uuid) returns boolean language sql stable as $$
  select (select count(*) from valid_approvers(request_quorum_met.request)) >= greatest(v.quorum, 1)
     and not exists (select from approval a where a.request_id = r.id and a.decision = 'reject' and a.revoked_at is null)
  from request r join lane_version v on v.lane_id = r.lane_id and v.version = r.lane_version
  where r.id = request_quorum_met.request
$$;

create function guard_request() returns trigger language plpgsql as $$
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
end $$;
create trigger guard before insert or update on request for each row execute function guard_request();
alter table request enable always trigger guard;

-- A request's parts are written with it; afterwards nobody adds to what was approved.
create function guard_request_part() returns trigger language plpgsql as $$
begin
  perform from request r where r.id = new.request_id and r.xmin = pg_current_xact_id()::xid;
  if not found then
    perform refuse('request_fixed', 'a request is what was asked; make a new one');
  end if;
  return new;
end $$;
do $$
declare t text;
begin
  foreach t in array array['request_item', 'request_target', 'closure_member'] loop
    execute format('create trigger guard before insert on %I for each row execute function guard_request_part()', t);
    execute format('alter table %I enable always trigger guard', t);
  end loop;
end $$;

-- ── approvals ───────────────────────────────────────────────────────────────────────────────
create function guard_approval() returns trigger language plpgsql as $$
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
      and (g.principal_id = new.person_id
           or g.principal_id in (select m.group_id from group_member m where m.person_id = new.person_id))) then
    perform refuse('approve_not_granted', 'this person holds no approve grant on the target feed');
  end if;
  perform require_entry(new.entry_id, 'request:' || r.id, 'person:' || new.person_id);
  return new;
end $$;
create trigger guard before insert or update or delete on approval for each row execute function guard_approval();
alter table approval enable always trigger guard;

-- ── promotions ──────────────────────────────────────────────────────────────────────────────
create function guard_promotion() returns trigger language plpgsql as $$
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
end $$;
create trigger guard before insert or update on promotion for each row execute function guard_promotion();
alter table promotion enable always trigger guard;

-- Lets the digests of a promotion into its target feed: the only door to a trusted feed.
-- Everything the approval bound is checked again here, under locks that hold until commit.
create function admit(p_promotion uuid, p_attempt integer, p_worker text, p_entry uuid) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  v_promotion promotion; v_request request; v_item request_item; v_target request_target;
  v_feed uuid; v_repository uuid; v_admission uuid; v_current text;
begin
  select * into v_request from request where id = (select request_id from promotion where id = p_promotion) for update;
  select * into v_promotion from promotion where id = p_promotion for update;
  if v_promotion.state is distinct from 'RUNNING' or v_promotion.attempt <> p_attempt
     or v_promotion.locked_by is distinct from p_worker then
    perform refuse('fenced', format('promotion %s is no longer run by this worker', p_promotion));
  end if;
  if v_request.state <> 'APPROVED' then
    perform refuse('request_state', format('request %s is %s', v_request.id, v_request.state));
  end if;
  if v_request.expires_at <= now() then
    perform refuse('request_expired', format('request %s expired at %s', v_request.id, v_request.expires_at));
  end if;
  if not exists (select from request_binding(v_request.id) b
                 where b.set_digest = v_request.set_digest and b.bound_hash = v_request.bound_hash) then
    perform refuse('binding_mismatch', 'the request is not what was approved');
  end if;
  if not exists (select from valid_approvers(v_request.id)) or not request_quorum_met(v_request.id) then
    perform refuse('quorum_missing', 'the approvals that the lane asks for are not there');
  end if;
  perform require_entry(p_entry, 'promotion:' || p_promotion);
  perform require_closure(p_promotion, v_request.id);

  select to_feed_id into v_feed from lane where id = v_request.lane_id;
  for v_item in select * from request_item where request_id = v_request.id order by position loop
    insert into repository (id, feed_id, name) values (gen_random_uuid(), v_feed, v_item.target_repository)
      on conflict (feed_id, name) do nothing;
    select id into v_repository from repository where feed_id = v_feed and name = v_item.target_repository;
    v_admission := gen_random_uuid();
    insert into admission (id, feed_id, repository_id, digest, promotion_id, position, bound_hash, entry_id)
      values (v_admission, v_feed, v_repository, v_item.digest, p_promotion, v_item.position, v_request.bound_hash, p_entry);
    insert into repository_blob (repository_id, digest, admission_id)
      select v_repository, c.digest, v_admission from closure_member c
      where c.request_id = v_request.id and c.position = v_item.position and c.kind = 'blob'
      order by c.digest on conflict do nothing;
    insert into repository_manifest (repository_id, digest, media_type, admission_id)
      select v_repository, c.digest, c.media_type, v_admission from closure_member c
      where c.request_id = v_request.id and c.position = v_item.position and c.kind = 'manifest'
      order by c.digest on conflict do nothing;
    for v_target in select * from request_target
        where request_id = v_request.id and position = v_item.position order by tag collate "C" loop
      -- A tag that nothing held is taken by insertion, so that two promotions cannot both take it.
      insert into tag (repository_id, name, digest)
        select v_repository, v_target.tag, v_item.digest where v_target.expected_digest is null
        on conflict do nothing;
      if not found then
        v_current := null;
        select digest into v_current from tag where repository_id = v_repository and name = v_target.tag for update;
        continue when v_current = v_item.digest;
        if v_current is null or v_current is distinct from v_target.expected_digest then
          perform refuse('target_moved', format('%s:%s points at %s; when the request was made it pointed at %s',
            v_item.target_repository, v_target.tag, coalesce(v_current, 'nothing'), coalesce(v_target.expected_digest, 'nothing')));
        end if;
        update tag set digest = v_item.digest, moved_at = now() where repository_id = v_repository and name = v_target.tag;
      end if;
      insert into tag_move (repository_id, tag, from_digest, to_digest, promotion_id)
        values (v_repository, v_target.tag, v_target.expected_digest, v_item.digest, p_promotion);
    end loop;
  end loop;

  delete from staged_member where promotion_id = p_promotion;
  update promotion set state = 'SUCCEEDED', finished_at = now(), lease_until = null, locked_by = null,
    error_code = null, error_message = null where id = p_promotion;
end $$;

-- Invariant 2: nothing resolves in a target until its whole closure is there.
create function require_closure(p_promotion uuid, p_request uuid) returns void language plpgsql as $$
declare v_missing text;
begin
  select string_agg(c.digest, ', ') into v_missing from closure_member c
    where c.request_id = p_request and not exists (
      select from staged_member s where s.promotion_id = p_promotion and s.position = c.position
        and s.digest = c.digest and s.kind = c.kind and s.verified_at is not null);
  if v_missing is not null then
    perform refuse('closure_incomplete', format('not staged and verified: %s', left(v_missing, 500)));
  end if;
  -- The share lock keeps a collector from unlinking what is about to be linked.
  perform from blob b where b.digest in (
    select c.digest from closure_member c where c.request_id = p_request and c.kind = 'blob')
    order by b.digest for share;
  select string_agg(c.digest, ', ') into v_missing from closure_member c
    where c.request_id = p_request and (
      c.kind = 'blob' and not exists (
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
end $$;

-- ── who hears of changes ────────────────────────────────────────────────────────────────────
create function notify_request() returns trigger language plpgsql as $$
begin
  perform pg_notify('sluice_request', new.id::text);
  return null;
end $$;
create trigger notify after insert or update of state on request for each row execute function notify_request();

create function notify_promotion() returns trigger language plpgsql as $$
begin
  perform pg_notify('sluice_promotion', json_build_object('promotionId', new.id, 'requestId', new.request_id, 'state', new.state)::text);
  return null;
end $$;
create trigger notify after insert or update of state, step on promotion for each row execute function notify_promotion();

-- ── rights ──────────────────────────────────────────────────────────────────────────────────
revoke all on all tables in schema public from public;
revoke all on all functions in schema public from public;
grant usage on schema public to sluice_api, sluice_worker;
grant execute on all functions in schema public to sluice_api, sluice_worker;
revoke execute on function admit from sluice_api;

grant select on all tables in schema public to sluice_api;
grant insert on instance, principal, person, identity, credential, robot, user_group, group_member, token,
  audit_entry, audit_payload, feed, feed_name, access_grant, repository, blob, manifest, manifest_edge,
  lane, lane_version, request, request_item, request_target, closure_member, gate_report, approval,
  idempotency_key, promotion, repository_blob, repository_manifest, tag, tag_move, upload to sluice_api;
grant update on person, credential, robot, user_group, token, feed, access_grant, lane, upload,
  repository_blob, repository_manifest, tag to sluice_api;
grant update (is_current) on feed_name to sluice_api;
grant update (state, decided_at) on request to sluice_api;
grant update (revoked_at) on approval to sluice_api;
grant update (state, attempt, tries, step, locked_by, lease_until, enqueued_at, not_before,
  error_code, error_message, started_at, finished_at) on promotion to sluice_api, sluice_worker;
grant delete on identity, user_group, group_member, token, access_grant, upload, idempotency_key,
  repository_blob, repository_manifest, tag to sluice_api;

-- The worker sees what it copies and what was decided; never a secret, not even hashed.
grant select on instance, principal, person, user_group, group_member, robot, audit_entry, audit_payload,
  feed, feed_name, access_grant, repository, blob, manifest, manifest_edge, lane, lane_version, request,
  request_item, request_target, closure_member, gate_report, approval, promotion, promotion_step,
  staged_member, admission, repository_blob, repository_manifest, tag, tag_move, upload to sluice_worker;
grant insert on audit_entry, audit_payload, gate_report to sluice_worker;
grant update (state, decided_at) on request to sluice_worker;
grant insert, update on promotion_step to sluice_worker;
grant insert, update, delete on staged_member to sluice_worker;

-- Unqualified names resolve here and never in a caller's temporary schema: a temporary table
-- called "feed" must not talk a guard into anything.
do $$
declare f regprocedure;
begin
  for f in select oid from pg_proc where pronamespace = 'public'::regnamespace loop
    execute format('alter function %s set search_path = public, pg_temp', f);
  end loop;
end $$;
