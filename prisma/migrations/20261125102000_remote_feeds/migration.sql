-- Feeds whose content another registry stores. Their settings, what their tags were last seen to name, and one view
-- that answers for every feed what a tag points at now (docs/adr/0007).

alter table feed drop constraint feed_kind_check;
alter table feed add constraint feed_kind_check check (kind in ('hosted', 'remote', 'proxy'));
-- Neither keeps blobs of a remote registry, so neither limits or ends what it holds.
alter table feed add constraint remote_keeps_no_blobs check (
  kind <> 'remote' or quota_bytes is null and retention = '{"rules": []}'::jsonb);

create table feed_remote (
  feed_id           uuid primary key references feed,
  base_url          text not null check (base_url ~ '^https?://[^/@?#]+$'),
  -- What stands before the feed's repository names there; empty for nothing.
  prefix            text not null default '',
  credential_type   text check (credential_type in ('basic', 'refresh')),
  username          text,
  -- Sealed with the secret of the installation; never answered.
  sealed_credential bytea,
  realm_allow_list  text[] not null default '{}',
  ca                text,
  client_certificate text,
  sealed_client_key bytea,
  proxy             text check (proxy ~ '^http://[^/@?#]+$'),
  -- Host names, or `loopback` alone.
  plain_http        text[] not null default '{}',
  private_hosts     text[] not null default '{}',
  -- Bytes a second; null for no limit.
  bandwidth         bigint check (bandwidth > 0),
  changed_at        timestamptz(3) not null default now(),
  check ((credential_type is null) = (sealed_credential is null)),
  check ((credential_type is not distinct from 'basic') = (username is not null)),
  check ((client_certificate is null) = (sealed_client_key is null))
);

create function guard_feed_remote() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  if tg_op = 'UPDATE' and new.feed_id <> old.feed_id then
    perform refuse('feed_fixed', 'the settings of a remote registry stay with their feed');
  end if;
  if not exists (select from feed where id = new.feed_id and kind = 'remote') then
    perform refuse('feed_fixed', 'only a remote feed has a registry elsewhere');
  end if;
  new.changed_at := now();
  return new;
end $$;
create trigger guard before insert or update on feed_remote for each row execute function guard_feed_remote();
alter table feed_remote enable always trigger guard;

-- Is this repository's content in a registry elsewhere?
create function is_remote(p_repository uuid) returns boolean
language sql stable set search_path = public, pg_temp as $$
  select exists (select from repository r join feed f on f.id = r.feed_id where r.id = p_repository and f.kind = 'remote')
$$;

-- An observation: what the registry was last seen to serve under a tag. No row: nothing, or never looked. It lets
-- nothing in: what a trusted feed admits stands in `tag` and in the memberships, as everywhere.
create table remote_tag (
  repository_id uuid not null references repository,
  name          text collate "C" not null,
  digest        text not null,
  -- When it was first seen to name this digest, and when last.
  moved_at      timestamptz(3) not null default now(),
  observed_at   timestamptz(3) not null default now(),
  primary key (repository_id, name)
);
create index remote_tag_digest_idx on remote_tag (digest);

create function guard_remote_tag() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  if tg_op = 'UPDATE' and (new.repository_id, new.name) is distinct from (old.repository_id, old.name)
     or not is_remote(new.repository_id) then
    perform refuse('repository_fixed', 'only the tags of a remote registry are observed');
  end if;
  new.observed_at := now();
  new.moved_at := case when tg_op = 'UPDATE' and new.digest = old.digest then old.moved_at else now() end;
  return new;
end $$;
create trigger guard before insert or update on remote_tag for each row execute function guard_remote_tag();
alter table remote_tag enable always trigger guard;

-- What a tag points at now, as far as is known: of a hosted feed what it serves, of a remote one what its registry was
-- last seen to serve.
create view current_tag (repository_id, name, digest, moved_at) as
  select t.repository_id, t.name, t.digest, t.moved_at from tag t
  where not exists (select from repository r join feed f on f.id = r.feed_id where r.id = t.repository_id and f.kind = 'remote')
  union all
  select o.repository_id, o.name, o.digest, o.moved_at from remote_tag o;

-- Blobs of remote registries are not ours: a membership of one would promise bytes that nobody has.
create function refuse_remote_blob() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  if is_remote(new.repository_id) then
    perform refuse('repository_fixed', 'the blobs of a remote feed stay in its registry');
  end if;
  return new;
end $$;
create trigger remote_blob before insert on repository_blob for each row execute function refuse_remote_blob();
alter table repository_blob enable always trigger remote_blob;
create trigger remote_blob before insert on upload for each row execute function refuse_remote_blob();
alter table upload enable always trigger remote_blob;

revoke all on feed_remote, remote_tag, current_tag from public;
revoke all on function guard_feed_remote, guard_remote_tag, refuse_remote_blob, is_remote from public;
grant execute on function is_remote to sluice_api, sluice_worker;
grant select, insert, update on feed_remote to sluice_api;
grant select on feed_remote to sluice_worker;
grant select, insert, update, delete on remote_tag to sluice_api, sluice_worker;
grant select on current_tag to sluice_api, sluice_worker;
-- A worker looks at target tags before it writes one; images are observed by the api alone.
grant insert on repository to sluice_worker;
