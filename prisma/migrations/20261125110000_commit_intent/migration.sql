-- Promotions with an end elsewhere (docs/adr/0009). What `admit` did at once has two parts: the checks, and what lets in.
-- For a hosted target they are one transaction, as before. For a remote one the tag is set by the worker in between:
-- `intend` checks, takes the one-writer lease of each tag and says what is about to happen; after the tag is set
-- `admit` writes what was let in, and refuses it for nothing that came meanwhile.

-- When all checks were passed and the tags are about to be set; from then on nobody takes the promotion back.
alter table promotion add column intended_at timestamptz(3);

-- Who may set a tag of a remote feed, or did last. One row a tag: it is the lease.
create table commit_intent (
  feed_id      uuid not null references feed,
  repository   text not null,
  tag          text not null collate "C",
  promotion_id uuid not null references promotion,
  digest       text not null,
  -- What the registry served under the tag when this promotion first took it; null: nothing.
  previous     text,
  attempt      integer not null,
  -- Attempts of this promotion that took it: of each one the tag may have been sent.
  sendings     integer not null default 1,
  -- Until then the tag may be sent, and until then what was sent may arrive.
  send_until   timestamptz(3) not null,
  free_at      timestamptz(3) not null,
  entry_id     uuid not null references audit_entry,
  committed_at timestamptz(3),
  primary key (feed_id, repository, tag)
);
create index commit_intent_promotion_id_idx on commit_intent (promotion_id);
revoke all on commit_intent from public;
grant select on commit_intent to sluice_api, sluice_worker;

-- After the intent neither the promotion nor its request is withdrawn.
create function guard_intent() returns trigger
language plpgsql set search_path = public, pg_temp as $$
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
end $$;
create trigger guard_intent before insert or update of state on promotion for each row execute function guard_intent();
create trigger guard_intent before update of state on request for each row execute function guard_intent();
alter table promotion enable always trigger guard_intent;
alter table request enable always trigger guard_intent;

-- Holds the promotion for the worker that runs it, until the transaction ends. Request before promotion, always.
create function hold_run(p_promotion uuid, p_attempt integer, p_worker text, out held_promotion promotion, out held_request request)
language plpgsql set search_path = public, pg_temp as $$
begin
  select * into held_request from request where id = (select request_id from promotion where id = p_promotion) for update;
  select * into held_promotion from promotion where id = p_promotion for update;
  if held_promotion.state is distinct from 'RUNNING' or held_promotion.attempt <> p_attempt
     or held_promotion.locked_by is distinct from p_worker then
    perform refuse('fenced', format('promotion %s is no longer run by this worker', p_promotion));
  end if;
end $$;

-- Everything the approval bound, and all that may have come since. Its locks hold until the transaction ends.
create function require_admissible(p_promotion uuid, p_request request) returns void
language plpgsql set search_path = public, pg_temp as $$
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
end $$;

-- A recall waits for this transaction, or this one for the recall and sees it.
create function hold_recalls(p_kind text) returns void
language plpgsql set search_path = public, pg_temp as $$
begin
  if p_kind = 'restore' then
    lock table recall in share row exclusive mode;
  else
    lock table recall in share mode;
  end if;
end $$;

-- As before. What a remote target needs is in its registry, where the worker hashed it.
create or replace function require_closure(p_promotion uuid, p_request uuid) returns void
language plpgsql set search_path = public, pg_temp as $$
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
end $$;

-- Says that the worker is about to set the tags, and gives it the lease of each for so long. What the registry serves
-- under them was read a moment ago: [{"position", "tag", "digest"}], a digest of null for nothing. A promotion whose
-- intent stands is only checked for having lost a tag to another one.
create function intend(p_promotion uuid, p_attempt integer, p_worker text, p_entry uuid, p_observed jsonb,
  p_lease interval, p_timeout interval) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
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
end $$;

-- What `guard_tag` would refuse once the tag is set elsewhere, where it could no longer be helped.
create function require_tag_move(p_feed feed, p_repository text, p_tag text, p_digest text) returns void
language plpgsql stable set search_path = public, pg_temp as $$
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
end $$;

-- The one door. A hosted target: checked and let in at once. A remote one: its tags are set, and its intent still stands.
create or replace function admit(p_promotion uuid, p_attempt integer, p_worker text, p_entry uuid) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
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
end $$;

-- Admissions, memberships, tags and the end of the promotion; whoever calls it has checked that it may be.
create function let_in(p_promotion promotion, p_request request, p_feed feed, p_entry uuid) returns void
language plpgsql set search_path = public, pg_temp as $$
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
end $$;

-- Moves a tag that a hosted feed serves, if it is where it was; answers what it was on.
create function put_tag(p_repository uuid, p_item request_item, p_target request_target) returns text
language plpgsql set search_path = public, pg_temp as $$
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
end $$;

-- Writes down that a tag was set elsewhere; answers what it was on, by the ledger, else by what was seen.
create function put_remote_tag(p_promotion uuid, p_feed uuid, p_repository uuid, p_item request_item, p_tag text) returns text
language plpgsql set search_path = public, pg_temp as $$
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
end $$;

-- Keeps a blob that a promotion brought from elsewhere: only one of its closure, of the size that was approved. Answers
-- the storage key of bytes that are superfluous now, null when there are none. What no repository holds yet the
-- collector leaves alone, because the promotion awaits it.
create function receive_blob(p_promotion uuid, p_attempt integer, p_worker text, p_digest text, p_size bigint, p_storage_key text) returns text
language plpgsql security definer set search_path = public, pg_temp as $$
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
end $$;

-- How far the bytes are, of the step that runs; told to whoever waits.
create table promotion_progress (
  promotion_id     uuid primary key references promotion,
  bytes            bigint not null,
  total_bytes      bigint not null,
  blobs            integer not null,
  total_blobs      integer not null,
  bytes_per_second bigint not null,
  at               timestamptz(3) not null default now()
);
create function notify_progress() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  perform pg_notify('sluice_promotion', json_build_object('promotionId', p.id, 'requestId', p.request_id, 'state', p.state)::text)
    from promotion p where p.id = new.promotion_id;
  return null;
end $$;
create trigger notify after insert or update on promotion_progress for each row execute function notify_progress();

-- Registries that asked to be left alone, for every worker.
create table registry_pause (
  host    text primary key,
  until   timestamptz(3) not null,
  at      timestamptz(3) not null default now()
);

revoke all on promotion_progress, registry_pause from public;
grant select on promotion_progress, registry_pause to sluice_api, sluice_worker;
grant insert, update, delete on promotion_progress, registry_pause to sluice_worker;
revoke all on function guard_intent, hold_run, require_admissible, hold_recalls, intend, require_tag_move, let_in, put_tag,
  put_remote_tag, receive_blob, notify_progress from public;
grant execute on function intend, receive_blob to sluice_worker;
