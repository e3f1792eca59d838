-- A tag of a trusted remote feed that is not where a promotion put it: somebody wrote to the registry by another way.
-- Until it is resolved, nothing is promoted to that tag (docs/adr/0007).

create table remote_alert (
  id             uuid primary key,
  repository_id  uuid not null references repository,
  tag            text collate "C" not null,
  -- What the ledger says and what the registry serves; null for nothing.
  expected       text,
  seen           text,
  first_seen     timestamptz(3) not null default now(),
  last_seen      timestamptz(3) not null default now(),
  entry_id       uuid not null references audit_entry,
  resolved_at    timestamptz(3),
  -- Null: it was seen to be as it should be again.
  resolved_by    uuid references principal,
  resolution     text check (resolution in ('restored', 'accept-removed', 'accepted')),
  comment        text,
  resolved_entry_id uuid references audit_entry,
  check (expected is distinct from seen),
  check (num_nulls(resolved_at, resolution, resolved_entry_id) in (0, 3)),
  check (resolution is distinct from 'accept-removed' or seen is null and expected is not null),
  check (resolved_by is null or length(trim(comment)) > 0)
);
-- One open alert a tag; the newest first in lists.
create unique index remote_alert_open_key on remote_alert (repository_id, tag) where resolved_at is null;
create index remote_alert_tag_idx on remote_alert (repository_id, tag, resolved_at);
create index remote_alert_first_seen_idx on remote_alert (first_seen desc, id desc);

create function guard_remote_alert() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  if tg_op = 'DELETE' then
    perform refuse('append_only', 'an alert is resolved, never deleted');
  end if;
  if tg_op = 'INSERT' then
    if new.resolved_at is not null or not is_remote(new.repository_id) then
      perform refuse('alert_fixed', 'an alert begins open, about a remote feed');
    end if;
    perform require_entry(new.entry_id, 'alert:' || new.id);
    return new;
  end if;
  if old.resolved_at is not null
     or to_jsonb(new) - array['expected', 'seen', 'last_seen', 'resolved_at', 'resolved_by', 'resolution', 'comment', 'resolved_entry_id']
        <> to_jsonb(old) - array['expected', 'seen', 'last_seen', 'resolved_at', 'resolved_by', 'resolution', 'comment', 'resolved_entry_id'] then
    perform refuse('alert_fixed', 'an alert is resolved once, and not changed otherwise');
  end if;
  if new.resolved_at is not null then
    perform require_entry(new.resolved_entry_id, 'alert:' || new.id,
      (select p.kind || ':' || p.id from principal p where p.id = new.resolved_by));
  end if;
  return new;
end $$;
create trigger guard before insert or update or delete on remote_alert for each row execute function guard_remote_alert();
alter table remote_alert enable always trigger guard;
create trigger append_only_truncate before truncate on remote_alert for each statement execute function append_only();
alter table remote_alert enable always trigger append_only_truncate;

-- Is this tag of this feed not where a promotion put it? Repository by name: it need not exist.
create function tag_alerted(p_feed uuid, p_repository text, p_tag text) returns boolean
language sql stable set search_path = public, pg_temp as $$
  select exists (
    select from remote_alert a join repository r on r.id = a.repository_id
    where r.feed_id = p_feed and r.name = p_repository and a.tag = p_tag and a.resolved_at is null)
$$;

-- Refuses what would be promoted to such a tag; for whoever is about to write it.
create function require_unalerted(p_feed uuid, p_repository text, p_tag text) returns void
language plpgsql set search_path = public, pg_temp as $$
begin
  if tag_alerted(p_feed, p_repository, p_tag) then
    perform refuse('tag_alerted', format('%s:%s was changed in its registry by another way; resolve that alert first', p_repository, p_tag));
  end if;
end $$;

-- The tag that an alert found removed is removed from the ledger too, once somebody has said that this is right.
create function forget_removed_tag(p_alert uuid) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare v_alert remote_alert;
begin
  select * into v_alert from remote_alert where id = p_alert and resolution = 'accept-removed' and resolved_by is not null;
  if not found then
    perform refuse('alert_fixed', 'only a tag whose removal was accepted is forgotten');
  end if;
  with gone as (
    delete from tag where repository_id = v_alert.repository_id and name = v_alert.tag and digest = v_alert.expected
    returning repository_id, name, digest)
  insert into tag_move (repository_id, tag, from_digest, actor_id, entry_id)
    select repository_id, name, digest, v_alert.resolved_by, v_alert.resolved_entry_id from gone;
end $$;

-- What was seen in an untrusted remote repository and is needed by nobody any more: no tag there was last seen to
-- name it, no request awaits it, and nothing that stays leads to it. Asked for again, it is observed again.
create function forget_observed(p_repository uuid, p_digest text, p_grace interval) returns boolean
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
    and not exists (select from remote_tag o where o.repository_id = p_repository and o.digest = p_digest)
    and not exists (
      select from manifest_edge e join repository_manifest parent on parent.digest = e.parent_digest
      where e.child_digest = p_digest and e.kind = 'manifest' and parent.repository_id = p_repository)
    and not exists (
      select from manifest m join repository_manifest subject on subject.digest = m.subject_digest
      where m.digest = p_digest and subject.repository_id = p_repository);
  return found;
end $$;

revoke all on remote_alert from public;
revoke all on function guard_remote_alert, tag_alerted, require_unalerted, forget_removed_tag, forget_observed from public;
grant execute on function tag_alerted, require_unalerted to sluice_api, sluice_worker;
grant execute on function forget_removed_tag to sluice_api;
grant execute on function forget_observed to sluice_worker;
grant select, insert on remote_alert to sluice_api, sluice_worker;
grant update (expected, seen, last_seen, resolved_at, resolved_by, resolution, comment, resolved_entry_id) on remote_alert to sluice_api, sluice_worker;

-- Where clients get the images of a remote feed, as `HOST[:PORT][/PREFIX]`; null: here.
create function remote_address(p_feed uuid) returns text
language sql stable set search_path = public, pg_temp as $$
  select regexp_replace(base_url, '^https?://', '') || case prefix when '' then '' else '/' || prefix end
  from feed_remote where feed_id = p_feed
$$;
revoke all on function remote_address from public;
grant execute on function remote_address to sluice_api, sluice_worker;
