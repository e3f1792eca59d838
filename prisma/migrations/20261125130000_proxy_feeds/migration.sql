-- Proxy feeds: a cache of another registry, filled by what is asked for (docs/adr/0015). What was fetched is held as in
-- a hosted feed; what differs is who puts it there, how long it stays, and that nobody trusts it.

alter table feed add constraint proxy_is_never_trusted check (kind <> 'proxy' or not trusted);
-- Its tags are where its upstream has them, and it keeps what is used.
alter table feed add constraint proxy_has_no_rules check (
  kind <> 'proxy' or retention = '{"rules": []}'::jsonb and tag_rules = '{}'::jsonb);

create or replace function guard_feed_remote() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  if tg_op = 'UPDATE' and new.feed_id <> old.feed_id then
    perform refuse('feed_fixed', 'the settings of a registry stay with their feed');
  end if;
  if not exists (select from feed where id = new.feed_id and kind in ('remote', 'proxy')) then
    perform refuse('feed_fixed', 'only a remote or a proxy feed has a registry elsewhere');
  end if;
  new.changed_at := now();
  return new;
end $$;

-- Is this repository filled from a registry elsewhere, by what is asked for?
create function is_proxy(p_repository uuid) returns boolean
language sql stable set search_path = public, pg_temp as $$
  select exists (select from repository r join feed f on f.id = r.feed_id where r.id = p_repository and f.kind = 'proxy')
$$;

-- What a proxy feed keeps, and how it stands with its upstream.
create table feed_cache (
  feed_id       uuid primary key references feed,
  -- What nobody pulled for so many days goes.
  keep_days     integer not null check (keep_days between 1 and 36500),
  -- Where its tags were seen; another place knows nothing of them.
  upstream      text not null,
  -- When the upstream last answered, to a minute; since when it does not, and why. Written by all api processes.
  reached_at    timestamptz(3),
  failing_since timestamptz(3),
  failure       text check (length(failure) <= 1000),
  check ((failing_since is null) = (failure is null))
);

create function guard_feed_cache() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  if tg_op = 'UPDATE' and new.feed_id <> old.feed_id
     or not exists (select from feed where id = new.feed_id and kind = 'proxy') then
    perform refuse('feed_fixed', 'only a proxy feed is a cache, and it stays with its feed');
  end if;
  return new;
end $$;
create trigger guard before insert or update on feed_cache for each row execute function guard_feed_cache();
alter table feed_cache enable always trigger guard;

-- When a manifest was last pulled, to an hour; no row: not since it was fetched. It ends with the membership.
create table manifest_use (
  repository_id uuid not null,
  digest        text not null,
  used_at       timestamptz(3) not null default now(),
  primary key (repository_id, digest),
  foreign key (repository_id, digest) references repository_manifest on delete cascade
);

create function guard_manifest_use() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  if not is_proxy(new.repository_id) then
    perform refuse('membership_fixed', 'only of proxy feeds is written down what is used');
  end if;
  new.used_at := now();
  return new;
end $$;
create trigger guard before insert or update on manifest_use for each row execute function guard_manifest_use();
alter table manifest_use enable always trigger guard;

-- A move that the upstream made, seen when somebody asked for the tag.
alter table tag_move add column observed boolean not null default false;
alter table tag_move drop constraint tag_move_names_who;
alter table tag_move add constraint tag_move_names_who
  check (actor_id is not null or promotion_id is not null or entry_id is not null or observed);

create function guard_observed_move() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  if new.observed and not is_proxy(new.repository_id) then
    perform refuse('membership_fixed', 'only the tags of a proxy feed move by what its upstream does');
  end if;
  return new;
end $$;
create trigger observed before insert on tag_move for each row when (new.observed) execute function guard_observed_move();
alter table tag_move enable always trigger observed;

-- What a proxy feed has, its upstream gave: nothing is pushed or promoted to it.
create function refuse_proxy_upload() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  if is_proxy(new.repository_id) then
    perform refuse('repository_fixed', 'a proxy feed is filled from its upstream alone');
  end if;
  return new;
end $$;
create trigger proxy_upload before insert on upload for each row execute function refuse_proxy_upload();
alter table upload enable always trigger proxy_upload;

create function refuse_lane_to_proxy() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  if exists (select from feed where id = new.to_feed_id and kind = 'proxy') then
    perform refuse('lane_fixed', 'no lane leads into a proxy feed: its upstream alone fills it');
  end if;
  return new;
end $$;
create trigger refuse_proxy before insert on lane for each row execute function refuse_lane_to_proxy();
alter table lane enable always trigger refuse_proxy;

-- Of a proxy feed, as of one with rules: what nobody pulled lately, and which is not pending, promoted, or a part of
-- something that stays. Looked at again under the row's lock.
create or replace function retire_manifest(p_repository uuid, p_digest text, p_tags text[], p_entry uuid) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
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
end $$;

revoke all on feed_cache, manifest_use from public;
revoke all on function is_proxy, guard_feed_cache, guard_manifest_use, guard_observed_move, refuse_proxy_upload,
  refuse_lane_to_proxy from public;
grant execute on function is_proxy to sluice_api, sluice_worker;
grant select, insert, update on feed_cache to sluice_api;
grant select on feed_cache to sluice_worker;
grant select, insert, update on manifest_use to sluice_api;
grant select on manifest_use to sluice_worker;
