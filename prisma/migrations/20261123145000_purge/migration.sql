-- Removing the bytes of what was recalled (a leaked secret, a takedown): one administrator opens it, another
-- person confirms it. What is gone stays gone: its tombstone refuses the same bytes for ever.

create table purge (
  id             uuid primary key,
  -- One purge a recall; it can be confirmed while the recall stands.
  recall_id      uuid not null unique references recall,
  digest         text not null,
  reason         text not null check (length(trim(reason)) > 0),
  opened_by      uuid not null references person,
  opened_at      timestamptz(3) not null default now(),
  entry_id       uuid not null references audit_entry,
  confirmed_by   uuid references person,
  confirmed_at   timestamptz(3),
  confirmed_entry_id uuid references audit_entry,
  constraint purge_takes_two check (confirmed_by <> opened_by),
  check (num_nulls(confirmed_by, confirmed_at, confirmed_entry_id) in (0, 3))
);
create index purge_opened_at_idx on purge (opened_at desc, id desc);

-- A manifest that was purged, and where it was: only there is told what became of it.
create table tombstone (
  digest         text primary key,
  purge_id       uuid not null references purge,
  repository_ids uuid[] not null
);
create index tombstone_purge_id_idx on tombstone (purge_id);

create function guard_purge() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  if tg_op = 'DELETE' then
    perform refuse('append_only', 'a purge stays on record');
  end if;
  if tg_op = 'UPDATE' then
    if current_user <> 'sluice_owner' or old.confirmed_at is not null
       or to_jsonb(new) - array['confirmed_by', 'confirmed_at', 'confirmed_entry_id']
          <> to_jsonb(old) - array['confirmed_by', 'confirmed_at', 'confirmed_entry_id'] then
      perform refuse('purge_fixed', 'a purge is confirmed once, and not changed otherwise');
    end if;
    return new;
  end if;
  if new.confirmed_at is not null then
    perform refuse('purge_fixed', 'a purge begins unconfirmed');
  end if;
  if not exists (select from recall r where r.id = new.recall_id and r.digest = new.digest and r.lifted_at is null) then
    perform refuse('not_recalled', format('%s is not recalled; only what is recalled is purged', new.digest));
  end if;
  if not exists (select from person p where p.id = new.opened_by and 'admin' = any (p.roles) and p.disabled_at is null) then
    perform refuse('purge_not_granted', 'a purge is opened by a person with the role admin');
  end if;
  perform require_entry(new.entry_id, 'purge:' || new.id, 'person:' || new.opened_by);
  return new;
end $$;
create trigger guard before insert or update or delete on purge for each row execute function guard_purge();
alter table purge enable always trigger guard;
create trigger append_only_truncate before truncate on purge for each statement execute function append_only();
alter table purge enable always trigger append_only_truncate;

create trigger append_only before update or delete on tombstone for each row execute function append_only();
alter table tombstone enable always trigger append_only;
create trigger append_only_truncate before truncate on tombstone for each statement execute function append_only();
alter table tombstone enable always trigger append_only_truncate;

-- After the row is there: an insert that waited for a purge to delete the old row sees the purge's tombstone.
create function guard_manifest() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if exists (select from tombstone t where t.digest = new.digest) then
    perform refuse('purged', format('%s was purged; its bytes are not taken again', new.digest));
  end if;
  return null;
end $$;
create trigger guard after insert on manifest for each row execute function guard_manifest();
alter table manifest enable always trigger guard;

-- As before; and what is taken out of a trusted feed by a purge names its entry.
create or replace function guard_membership() returns trigger
language plpgsql set search_path = public, pg_temp as $$
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
         or row_new ? 'promotion_id' and row_new ->> 'promotion_id' is null
            and (row_new ->> 'entry_id' is null or row_new ->> 'to_digest' is not null) then
        perform refuse('trusted_feed', 'what enters a trusted feed names its admission');
      end if;
    end if;
  end if;
  return case when tg_op = 'DELETE' then old else new end;
end $$;

-- The manifest, and of an index what nothing else holds: no tag, no admission of its own, no other index.
create function purge_reach(p_digest text) returns text[]
language plpgsql stable set search_path = public, pg_temp as $$
declare v_reach text[] := array[p_digest]; v_more text[];
begin
  loop
    select array_agg(distinct e.child_digest) into v_more from manifest_edge e
      where e.parent_digest = any (v_reach) and e.kind = 'manifest' and e.child_digest <> all (v_reach)
        and not exists (select from tag t where t.digest = e.child_digest)
        and not exists (select from admission a where a.digest = e.child_digest)
        and not exists (
          select from manifest_edge other join repository_manifest rm on rm.digest = other.parent_digest
          where other.child_digest = e.child_digest and other.kind = 'manifest' and other.parent_digest <> all (v_reach));
    exit when v_more is null;
    v_reach := v_reach || v_more;
  end loop;
  return v_reach;
end $$;

-- Removes what a purge reaches from every repository of every feed, with its tags and with the blobs that no
-- manifest which is in a repository, or asked for, refers to: their objects are queued for removal.
create function confirm_purge(p_purge uuid, p_person uuid, p_entry uuid) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare v_purge purge; v_reach text[]; v_blobs text[]; v_feed uuid;
begin
  -- Every look below must see what was committed while it waited for the locks above it.
  perform collectable_before('1 hour');
  select * into v_purge from purge where id = p_purge for update;
  if v_purge.confirmed_at is not null then
    perform refuse('purged', format('%s was purged already', v_purge.digest));
  end if;
  select feed_id into v_feed from recall where id = v_purge.recall_id;
  if p_person = v_purge.opened_by then
    perform refuse('self_approval', 'who opened a purge cannot confirm it; it takes another person');
  end if;
  if not exists (
    select from person p where p.id = p_person and p.disabled_at is null and ('admin' = any (p.roles) or exists (
      select from access_grant g where g.feed_id = v_feed and 'recall' = any (g.verbs)
        and (g.principal_id = p.id or g.principal_id in (select m.group_id from group_member m where m.person_id = p.id))))) then
    perform refuse('purge_not_granted', 'a purge is confirmed by a person with the role admin, or a recall grant on the feed');
  end if;
  if exists (select from credential c where c.person_id = p_person and c.set_by = v_purge.opened_by) then
    perform refuse('password_known_to_requester', 'who opened the purge set this person''s password; it must be changed first');
  end if;
  perform require_entry(p_entry, 'purge:' || p_purge, 'person:' || p_person);

  -- Links before blobs before recalls before manifests: as pushes and `admit` take them.
  v_blobs := array(select distinct e.child_digest from manifest_edge e
    where e.parent_digest = any (purge_reach(v_purge.digest)) and e.kind <> 'manifest');
  perform from repository_blob where digest = any (v_blobs) order by repository_id, digest for update;
  perform from blob where digest = any (v_blobs) order by digest for update;
  lock table recall in share row exclusive mode;
  if not exists (select from recall where id = v_purge.recall_id and lifted_at is null) then
    perform refuse('not_recalled', format('the recall of %s was lifted', v_purge.digest));
  end if;
  perform from repository_manifest where digest = any (purge_reach(v_purge.digest)) order by repository_id, digest for update;
  v_reach := purge_reach(v_purge.digest);
  perform from manifest where digest = any (v_reach) order by digest for update;

  update purge set confirmed_by = p_person, confirmed_at = now(), confirmed_entry_id = p_entry where id = p_purge;
  insert into tombstone (digest, purge_id, repository_ids)
    select d.digest, p_purge, array(select rm.repository_id from repository_manifest rm where rm.digest = d.digest)
    from unnest(v_reach) d (digest) on conflict (digest) do nothing;

  with gone as (delete from tag where digest = any (v_reach) returning repository_id, name, digest)
  insert into tag_move (repository_id, tag, from_digest, actor_id, entry_id)
    select repository_id, name, digest, p_person, p_entry from gone order by repository_id, name;
  delete from repository_manifest where digest = any (v_reach);
  -- A repository keeps the link to a blob that another of its images needs; without any such image anywhere, none do.
  delete from repository_blob rb
  where rb.digest = any (v_blobs)
    and (rb.repository_id in (select unnest(t.repository_ids) from tombstone t where t.purge_id = p_purge)
         or not blob_needed(rb.digest, v_reach))
    and not exists (
      select from manifest_edge e join repository_manifest rm on rm.digest = e.parent_digest
      where e.child_digest = rb.digest and rm.repository_id = rb.repository_id);
  delete from manifest_edge where parent_digest = any (v_reach);
  delete from manifest where digest = any (v_reach);
  with gone as (
    delete from blob b where b.digest = any (v_blobs)
      and not exists (select from repository_blob rb where rb.digest = b.digest)
      and not blob_needed(b.digest, v_reach)
    returning storage_key)
  insert into storage_removal (storage_key, reason) select storage_key, 'purged' from gone on conflict do nothing;
end $$;

-- By a manifest that is in a repository or asked for, other than these.
create function blob_needed(p_digest text, p_but text[]) returns boolean
language sql stable set search_path = public, pg_temp as $$
  select exists (
    select from manifest_edge e
    where e.child_digest = p_digest and e.kind <> 'manifest' and e.parent_digest <> all (p_but)
      and (exists (select from repository_manifest rm where rm.digest = e.parent_digest) or awaited(e.parent_digest)))
$$;

alter table storage_removal drop constraint storage_removal_reason_check,
  add constraint storage_removal_reason_check check (reason in ('blob', 'upload', 'healed', 'purged'));

revoke all on purge, tombstone from public;
revoke all on function guard_purge, guard_manifest, purge_reach, confirm_purge, blob_needed from public;
grant select, insert on purge to sluice_api;
grant select on tombstone to sluice_api;
grant select on purge, tombstone to sluice_worker;
grant execute on function purge_reach, confirm_purge to sluice_api;
