-- Where images run (docs/running.md): sites report which digests run in them now. A report is an observation, like what
-- a remote registry was seen to serve: it lets nothing in, and keeps what it names from retention (docs/adr/0013).

-- A cluster, namespace or host.
create table site (
  id          uuid primary key,
  name        text collate "C" not null check (name ~ '^[a-z0-9]([a-z0-9._@-]*[a-z0-9])?$' and length(name) <= 64),
  -- Without a report for so long its state is stale; what it reported stays.
  stale_hours integer not null default 24 check (stale_hours between 1 and 8760),
  created_at  timestamptz(3) not null default now(),
  -- Null: nobody has reported yet.
  reported_at timestamptz(3),
  reported_by uuid references principal,
  deleted_at  timestamptz(3),
  check ((reported_at is null) = (reported_by is null))
);
create unique index site_name_key on site (name) where deleted_at is null;

-- Who may report, and read the whole report.
create table site_reporter (
  site_id      uuid not null references site,
  principal_id uuid not null references principal,
  primary key (site_id, principal_id)
);
create index site_reporter_principal_id_idx on site_reporter (principal_id);

-- One digest in one site, from the first report that named it to the first that did not.
create table running_image (
  id       bigint generated always as identity primary key,
  site_id  uuid not null references site,
  -- As reported: of an image, of an index that contains it, or of a config, which some runtimes call the image.
  digest   text collate "C" not null,
  -- The references by which the site named it last.
  images   text[] not null default '{}',
  began_at timestamptz(3) not null default now(),
  ended_at timestamptz(3)
);
create unique index running_image_now_key on running_image (digest, site_id) where ended_at is null;
create index running_image_site_idx on running_image (site_id, id desc);
create index running_image_digest_idx on running_image (digest, id desc);

create function guard_site() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  if tg_op = 'DELETE' then
    perform refuse('site_fixed', 'a site is marked as deleted, and its history stays');
  end if;
  if old.deleted_at is not null or to_jsonb(new) - array['stale_hours', 'reported_at', 'reported_by', 'deleted_at']
     <> to_jsonb(old) - array['stale_hours', 'reported_at', 'reported_by', 'deleted_at'] then
    perform refuse('site_fixed', 'a site keeps its name; once deleted it stays deleted');
  end if;
  return new;
end $$;
create trigger guard before update or delete on site for each row execute function guard_site();
alter table site enable always trigger guard;

-- When something began and ended to run is written down by Postgres, once.
create function guard_running_image() returns trigger
language plpgsql set search_path = public, pg_temp as $$
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
end $$;
create trigger guard before insert or update or delete on running_image for each row execute function guard_running_image();
alter table running_image enable always trigger guard;
create trigger append_only_truncate before truncate on running_image for each statement execute function append_only();
alter table running_image enable always trigger append_only_truncate;

-- ── what a report means for manifests ───────────────────────────────────────────────────────
-- Every digest that, reported, says that this manifest runs: its own, of what it is made of (images of an index, their
-- configs), of the indexes that contain it.
create function runs_as(p_digest text) returns setof text
language sql stable set search_path = public, pg_temp as $$
  with recursive part (digest) as (
    select p_digest
    union
    select e.child_digest from part join manifest_edge e on e.parent_digest = part.digest and e.kind in ('manifest', 'config')),
  whole (digest) as (
    select p_digest
    union
    select e.parent_digest from whole join manifest_edge e on e.child_digest = whole.digest and e.kind = 'manifest')
  select digest from part union select digest from whole
$$;

-- Does it run anywhere? Costs next to nothing while nobody reports.
create function runs(p_digest text) returns boolean
language sql stable set search_path = public, pg_temp as $$
  select case when exists (select from running_image where ended_at is null)
    then exists (select from running_image i where i.ended_at is null and i.digest in (select runs_as(p_digest))) else false end
$$;

-- As before, and what runs somewhere stays.
create or replace function retire_manifest(p_repository uuid, p_digest text, p_tags text[], p_entry uuid) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare v_before timestamptz := collectable_before('1 day'); v_feed uuid; v_rules jsonb;
begin
  select f.id, f.tag_rules into v_feed, v_rules from repository r join feed f on f.id = r.feed_id
    where r.id = p_repository and not f.trusted and jsonb_array_length(f.retention -> 'rules') > 0;
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
end $$;

create or replace function forget_observed(p_repository uuid, p_digest text, p_grace interval) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
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
end $$;

revoke all on site, site_reporter, running_image from public;
revoke all on function guard_site, guard_running_image, runs_as, runs from public;
grant select, insert on site, running_image to sluice_api;
grant update (stale_hours, reported_at, reported_by, deleted_at) on site to sluice_api;
grant update (images, ended_at) on running_image to sluice_api;
grant select, insert, delete on site_reporter to sluice_api;
grant select on site, running_image to sluice_worker;
grant execute on function runs_as, runs to sluice_api, sluice_worker;
