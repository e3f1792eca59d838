-- Withdrawing what was let in, and the two requests that lead back instead of forward: `restore` undoes a
-- recall, `rollback` moves tags of a trusted feed back to what was let in before. Both need the quorum of a
-- lane into that feed, like every request.

create table recall (
  id          uuid primary key,
  feed_id     uuid not null references feed,
  digest      text not null,
  reason      text not null check (length(trim(reason)) > 0),
  recalled_by uuid not null references principal,
  at          timestamptz(3) not null default now(),
  entry_id    uuid not null references audit_entry,
  lifted_at   timestamptz(3),
  -- The promotion of the restore that lifted it.
  lifted_by   uuid references promotion,
  check ((lifted_at is null) = (lifted_by is null))
);
create unique index recall_standing_key on recall (digest, feed_id) where lifted_at is null;
create index recall_at_idx on recall (at desc, id desc);

alter table request
  add column kind text not null default 'promote' check (kind in ('promote', 'rollback', 'restore')),
  add column recall_id uuid references recall,
  add constraint restore_names_its_recall check ((kind = 'restore') = (recall_id is not null)),
  add constraint back_needs_a_reason check (kind = 'promote' or length(trim(reason)) > 0);

-- ── what a recall reaches ───────────────────────────────────────────────────────────────────
-- This feed and every feed from which a digest could have come here, by lanes that are or were.
create function feeds_above(p_feed uuid) returns setof uuid
language sql stable set search_path = public, pg_temp as $$
  with recursive above (id) as (
    select p_feed
    union
    select l.from_feed_id from above join lane l on l.to_feed_id = above.id)
  select id from above
$$;

-- The recall that stands against this manifest in this feed: of itself or of an image that it contains, made here or in
-- a feed above. Null: none does.
create function recall_of(p_feed uuid, p_digest text) returns uuid
language sql stable set search_path = public, pg_temp as $$
  with recursive part (digest) as (
    select p_digest
    union
    select e.child_digest from part join manifest_edge e on e.parent_digest = part.digest and e.kind = 'manifest')
  select r.id from recall r join part on part.digest = r.digest
  where r.lifted_at is null and r.feed_id in (select feeds_above(p_feed))
  order by r.at, r.id limit 1
$$;

-- The same as a predicate; costs next to nothing while no recall stands.
create function recalled(p_feed uuid, p_digest text) returns boolean
language sql stable set search_path = public, pg_temp as $$
  select case when exists (select from recall where lifted_at is null) then recall_of(p_feed, p_digest) is not null else false end
$$;

create function guard_recall() returns trigger
language plpgsql set search_path = public, pg_temp as $$
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
end $$;
create trigger guard before insert or update or delete on recall for each row execute function guard_recall();
alter table recall enable always trigger guard;
create trigger append_only_truncate before truncate on recall for each statement execute function append_only();
alter table recall enable always trigger append_only_truncate;

-- ── what an approval binds ──────────────────────────────────────────────────────────────────
-- As before, and the kind of a request that leads back; packages/promotion computes the same.
create or replace function request_binding(request uuid, out set_digest text, out bound_hash text)
language sql stable set search_path = public, pg_temp as $$
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
$$;

-- ── the one door, with all that it checked before ───────────────────────────────────────────
create or replace function admit(p_promotion uuid, p_attempt integer, p_worker text, p_entry uuid) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  v_promotion promotion; v_request request; v_item request_item; v_target request_target;
  v_from uuid; v_feed uuid; v_repository uuid; v_admission uuid; v_current text;
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

  -- A recall waits for this transaction, or this one for the recall and sees it.
  if v_request.kind = 'restore' then
    lock table recall in share row exclusive mode;
  else
    lock table recall in share mode;
  end if;
  select from_feed_id, to_feed_id into v_from, v_feed from lane where id = v_request.lane_id;
  for v_item in select * from request_item where request_id = v_request.id order by position loop
    if v_request.kind = 'promote' then
      if not exists (select from repository where id = v_item.source_repository_id and feed_id = v_from) then
        perform refuse('lane_fixed', 'a promotion takes from the first feed of its lane');
      end if;
    elsif not exists (
      select from repository r join repository_manifest m on m.repository_id = r.id
      where r.id = v_item.source_repository_id and r.feed_id = v_feed and r.name = v_item.target_repository
        and m.digest = v_item.digest and m.admission_id is not null) then
      perform refuse('not_admitted', format('%s was never let into %s', v_item.digest, v_item.target_repository));
    end if;
    if v_request.kind <> 'restore' and recalled(v_feed, v_item.digest) then
      perform refuse('recalled', format('%s is recalled: %s', v_item.digest,
        (select reason from recall where id = recall_of(v_feed, v_item.digest))));
    end if;
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
  if v_request.kind = 'restore' then
    update recall set lifted_at = now(), lifted_by = p_promotion
      where id = v_request.recall_id and lifted_at is null and feed_id = v_feed
        and digest in (select i.digest from request_item i where i.request_id = v_request.id);
    if not found then
      perform refuse('recall_lifted', 'the recall that this request undoes no longer stands');
    end if;
  end if;

  delete from staged_member where promotion_id = p_promotion;
  update promotion set state = 'SUCCEEDED', finished_at = now(), lease_until = null, locked_by = null,
    error_code = null, error_message = null where id = p_promotion;
end $$;

-- ── rights ──────────────────────────────────────────────────────────────────────────────────
revoke all on recall from public;
revoke all on function feeds_above, recall_of, recalled, guard_recall from public;
grant select, insert on recall to sluice_api;
grant select on recall to sluice_worker;
grant execute on function feeds_above, recall_of, recalled to sluice_api, sluice_worker;
