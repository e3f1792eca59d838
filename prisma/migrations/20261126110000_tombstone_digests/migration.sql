-- What was purged stays gone under every digest that its bytes have: Sluice takes sha256 and sha512.

-- Every digest that these bytes can be pushed under.
create function digests_of(p_bytes bytea) returns text[]
language sql immutable set search_path = public, pg_temp as $$
  select array['sha256:' || encode(sha256(p_bytes), 'hex'), 'sha512:' || encode(sha512(p_bytes), 'hex')]
$$;

-- The manifests that are stored with the same bytes, itself included.
create function same_bytes(p_digest text) returns setof text
language sql stable set search_path = public, pg_temp as $$
  select p_digest union
  select other.digest from manifest m join manifest other on other.digest = any (digests_of(m.bytes)) where m.digest = p_digest
$$;

-- Null: what was stored and went. Else another digest of its bytes, under which nothing was stored.
alter table tombstone add column same_as text references tombstone;

-- As before, under each digest of the bytes: of what was purged until now, only one is on record.
create or replace function guard_manifest() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if exists (select from tombstone t where t.digest = any (digests_of(new.bytes) || new.digest)) then
    perform refuse('purged', format('%s was purged; its bytes are not taken again', new.digest));
  end if;
  return null;
end $$;

-- Nor as a blob.
create function refuse_purged_blob() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if exists (select from tombstone t where t.digest = new.digest) then
    perform refuse('purged', format('%s was purged; its bytes are not taken again', new.digest));
  end if;
  return null;
end $$;
create trigger refuse_purged after insert on blob for each row execute function refuse_purged_blob();
alter table blob enable always trigger refuse_purged;

-- As before, under each digest: what holds the same bytes under another one holds them.
create or replace function purge_reach(p_digest text) returns text[]
language plpgsql stable set search_path = public, pg_temp as $$
declare v_reach text[] := array(select same_bytes(p_digest)); v_more text[];
begin
  loop
    select array_agg(distinct same.digest) into v_more from manifest_edge e cross join lateral same_bytes(e.child_digest) same (digest)
      where e.parent_digest = any (v_reach) and e.kind = 'manifest' and same.digest <> all (v_reach)
        and not exists (
          select from same_bytes(e.child_digest) held (digest)
          where exists (select from tag t where t.digest = held.digest)
            or exists (select from admission a where a.digest = held.digest)
            or exists (
              select from manifest_edge other join repository_manifest rm on rm.digest = other.parent_digest
              where other.child_digest = held.digest and other.kind = 'manifest' and other.parent_digest <> all (v_reach)));
    exit when v_more is null;
    v_reach := v_reach || v_more;
  end loop;
  return v_reach;
end $$;

-- As before, under each digest of the bytes, and where they were pushed as a blob.
create or replace function confirm_purge(p_purge uuid, p_person uuid, p_entry uuid) returns void
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
  v_blobs := array(select e.child_digest from manifest_edge e
      where e.parent_digest = any (purge_reach(v_purge.digest)) and e.kind <> 'manifest'
    union select unnest(digests_of(m.bytes)) from manifest m where m.digest = any (purge_reach(v_purge.digest)));
  perform from repository_blob where digest = any (v_blobs) order by repository_id, digest for update;
  perform from blob where digest = any (v_blobs) order by digest for update;
  lock table recall in share row exclusive mode;
  if not exists (select from recall where id = v_purge.recall_id and lifted_at is null) then
    perform refuse('not_recalled', format('the recall of %s was lifted', v_purge.digest));
  end if;
  -- Who is about to store the same bytes under their other digest is seen by the look below, or sees the tombstone.
  lock table manifest in share row exclusive mode;
  perform from repository_manifest where digest = any (purge_reach(v_purge.digest)) order by repository_id, digest for update;
  v_reach := purge_reach(v_purge.digest);
  perform from manifest where digest = any (v_reach) order by digest for update;

  update purge set confirmed_by = p_person, confirmed_at = now(), confirmed_entry_id = p_entry where id = p_purge;
  insert into tombstone (digest, purge_id, repository_ids)
    select d.digest, p_purge, array(select distinct rm.repository_id from same_bytes(d.digest) same (digest)
      join repository_manifest rm on rm.digest = same.digest)
    from unnest(v_reach) d (digest) on conflict (digest) do nothing;
  insert into tombstone (digest, purge_id, repository_ids, same_as)
    select other.digest, p_purge, t.repository_ids, t.digest
    from tombstone t join manifest m on m.digest = t.digest cross join unnest(digests_of(m.bytes)) other (digest)
    where t.purge_id = p_purge on conflict (digest) do nothing;

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

revoke all on function digests_of, same_bytes, refuse_purged_blob from public;
grant execute on function digests_of, same_bytes to sluice_api;
