-- A group that is changed after a request was made decides nothing about it: neither a seat of its quorum
-- nor the grant to approve comes through a membership that is younger than the request.

-- Nobody writes when a membership began.
create function stamp_membership() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  if tg_op = 'UPDATE' then
    perform refuse('membership_fixed', 'a membership is made and ended, never changed');
  end if;
  new.added_at := now();
  return new;
end $$;
create trigger stamp before insert or update on group_member for each row execute function stamp_membership();
alter table group_member enable always trigger stamp;

-- The groups of a person whose memberships are as old as the request, and still stand.
create function groups_at(p_person uuid, p_at timestamptz) returns table (id uuid, name text)
language sql stable set search_path = public, pg_temp as $$
  select g.id, g.name from group_member m join user_group g on g.id = m.group_id
  where m.person_id = p_person and m.added_at <= p_at
$$;

-- As before, and each group that the policy names has as many approvals of its own as its rules ask for.
create or replace function request_quorum_met(request uuid) returns boolean
language sql stable set search_path = public, pg_temp as $$
  select (select count(*) from valid_approvers(request_quorum_met.request)) >= greatest(v.quorum, 1)
     and not exists (select from approval a where a.request_id = r.id and a.decision = 'reject' and a.revoked_at is null)
     and not exists (
       select from (
         select q ->> 'group' as name, sum((q ->> 'count')::int) as needed
         from jsonb_array_elements(coalesce(v.policy #> '{gates,quorum}', '[]')) q where q ? 'group' group by 1) rule
       where rule.needed > (
         select count(*) from valid_approvers(r.id) person
         where rule.name in (select g.name from groups_at(person, r.created_at) g)))
  from request r join lane_version v on v.lane_id = r.lane_id and v.version = r.lane_version
  where r.id = request_quorum_met.request
$$;

-- As before, but for the grant that comes through a group.
create or replace function guard_approval() returns trigger
language plpgsql set search_path = public, pg_temp as $$
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
end $$;

revoke all on function stamp_membership, groups_at from public;
grant execute on function groups_at to sluice_api, sluice_worker;
