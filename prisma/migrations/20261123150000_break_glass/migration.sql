-- Letting a digest in without a quorum, when there is no time for one: it takes the verb break-glass and a
-- reason, is bound like an approval, runs like every promotion, and two other persons review it afterwards.

alter table request drop constraint request_kind_check;
alter table request add constraint request_kind_check check (kind in ('promote', 'rollback', 'restore', 'break-glass'));

create table break_glass (
  id         uuid primary key,
  request_id uuid not null unique references request,
  person_id  uuid not null references person,
  bound_hash text not null,
  at         timestamptz(3) not null default now(),
  entry_id   uuid not null unique references audit_entry
);

create table break_glass_review (
  id             uuid primary key,
  break_glass_id uuid not null references break_glass,
  person_id      uuid not null references person,
  comment        text not null check (length(trim(comment)) > 0),
  at             timestamptz(3) not null default now(),
  entry_id       uuid not null unique references audit_entry,
  unique (break_glass_id, person_id)
);

-- Beside the promotion that executed it: what let it in was this record, and no quorum.
alter table admission add column break_glass_id uuid references break_glass;

do $$
declare t text;
begin
  foreach t in array array['break_glass', 'break_glass_review'] loop
    execute format('create trigger append_only before update or delete on %I for each row execute function append_only()', t);
    execute format('create trigger append_only_truncate before truncate on %I for each statement execute function append_only()', t);
    execute format('alter table %I enable always trigger append_only', t);
    execute format('alter table %I enable always trigger append_only_truncate', t);
  end loop;
end $$;

create function guard_break_glass() returns trigger
language plpgsql set search_path = public, pg_temp as $$
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
end $$;
create trigger guard before insert on break_glass for each row execute function guard_break_glass();
alter table break_glass enable always trigger guard;

create function guard_break_glass_review() returns trigger
language plpgsql set search_path = public, pg_temp as $$
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
end $$;
create trigger guard before insert on break_glass_review for each row execute function guard_break_glass_review();
alter table break_glass_review enable always trigger guard;

-- As before; of a request that breaks the glass, the record in place of the quorum.
create or replace function request_quorum_met(request uuid) returns boolean
language sql stable set search_path = public, pg_temp as $$
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
$$;

-- As before, with the recorded break-glass in place of the approvals.
create or replace function admit(p_promotion uuid, p_attempt integer, p_worker text, p_entry uuid) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  v_promotion promotion; v_request request; v_item request_item; v_target request_target;
  v_from uuid; v_feed uuid; v_repository uuid; v_admission uuid; v_break_glass uuid; v_current text;
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
  select id into v_break_glass from break_glass where request_id = v_request.id and v_request.kind = 'break-glass';
  if v_break_glass is null and not exists (select from valid_approvers(v_request.id)) or not request_quorum_met(v_request.id) then
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
    if v_request.kind in ('promote', 'break-glass') then
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
    insert into admission (id, feed_id, repository_id, digest, promotion_id, position, bound_hash, entry_id, break_glass_id)
      values (v_admission, v_feed, v_repository, v_item.digest, p_promotion, v_item.position, v_request.bound_hash, p_entry, v_break_glass);
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

revoke all on break_glass, break_glass_review from public;
revoke all on function guard_break_glass, guard_break_glass_review from public;
grant select, insert on break_glass, break_glass_review to sluice_api;
grant select on break_glass to sluice_worker;
