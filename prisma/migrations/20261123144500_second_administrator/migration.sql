-- A lane into a trusted feed changes only when a second administrator confirms it, where there is one. Lanes
-- lead forward: none closes a circle.

create table lane_change (
  id               uuid primary key,
  lane_id          uuid not null references lane,
  kind             text not null check (kind in ('create', 'put', 'remove')),
  policy           jsonb,
  policy_hash      text,
  -- Ends open requests of older versions when it is confirmed.
  invalidate       boolean not null default false,
  proposed_by      uuid not null references person,
  proposed_at      timestamptz(3) not null default now(),
  entry_id         uuid not null references audit_entry,
  confirmed_by     uuid references person,
  confirmed_at     timestamptz(3),
  confirm_entry_id uuid references audit_entry,
  withdrawn_at     timestamptz(3),
  check ((kind = 'remove') = (policy is null) and (policy is null) = (policy_hash is null)),
  check ((confirmed_by is null) = (confirmed_at is null) and (confirmed_by is null) = (confirm_entry_id is null)),
  check (confirmed_at is null or withdrawn_at is null),
  constraint confirmed_by_another check (confirmed_by <> proposed_by)
);
create unique index lane_change_open_key on lane_change (lane_id) where confirmed_at is null and withdrawn_at is null;

-- Each confirmation makes one version.
alter table lane_version add column change_id uuid unique references lane_change;

create function needs_second_admin(p_lane uuid) returns boolean
language sql stable set search_path = public, pg_temp as $$
  select f.trusted and (select count(*) from person where 'admin' = any (roles) and disabled_at is null) >= 2
  from lane l join feed f on f.id = l.to_feed_id where l.id = p_lane
$$;

create function guard_lane_change() returns trigger
language plpgsql set search_path = public, pg_temp as $$
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
end $$;
create trigger guard before insert or update or delete on lane_change for each row execute function guard_lane_change();
alter table lane_change enable always trigger guard;
create trigger append_only_truncate before truncate on lane_change for each statement execute function append_only();
alter table lane_change enable always trigger append_only_truncate;

create or replace function guard_lane_version() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  perform require_entry(new.entry_id, 'lane:' || new.lane_id, 'person:' || new.created_by);
  if needs_second_admin(new.lane_id) and not exists (
    select from lane_change c where c.id = new.change_id and c.lane_id = new.lane_id and c.confirmed_at is not null
      and c.policy = new.policy and c.policy_hash = new.policy_hash) then
    perform refuse('second_admin_needed', 'a lane into a trusted feed changes when another administrator confirms it');
  end if;
  return new;
end $$;

create or replace function guard_lane() returns trigger
language plpgsql set search_path = public, pg_temp as $$
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
end $$;
drop trigger guard on lane;
create trigger guard before insert or update on lane for each row execute function guard_lane();
alter table lane enable always trigger guard;

-- A lane that was made without a second administrator does not become one into a trusted feed afterwards.
create function guard_trusted() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  if new.trusted and not old.trusted and exists (select from lane where to_feed_id = new.id and deleted_at is null) then
    perform refuse('trusted_fixed', 'trusted cannot be switched on while lanes lead into the feed; remove them first');
  end if;
  return new;
end $$;
create trigger guard_trusted before update of trusted on feed for each row execute function guard_trusted();
alter table feed enable always trigger guard_trusted;

revoke all on lane_change from public;
revoke all on function needs_second_admin, guard_lane_change, guard_trusted from public;
grant select, insert on lane_change to sluice_api;
grant update (confirmed_by, confirmed_at, confirm_entry_id, withdrawn_at) on lane_change to sluice_api;
grant execute on function needs_second_admin to sluice_api, sluice_worker;
