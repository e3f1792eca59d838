-- Garbage is collected online. Whether something is garbage is decided here, in the transaction that
-- deletes it and under the lock of its row, whatever the caller believes (invariant 7).

-- Objects that no row names any more, until the storage has removed them: a crash between the commit
-- and the removal leaves them here.
create table storage_removal (
  storage_key text primary key,
  reason      text not null check (reason in ('blob', 'upload', 'healed')),
  since       timestamptz(3) not null default now()
);
create index storage_removal_since_idx on storage_removal (since);
revoke all on storage_removal from public;
grant select on storage_removal to sluice_api;
grant select, delete on storage_removal to sluice_worker;

-- Which database this is: a collector or scrubber let loose on another one's storage would take
-- everything there for garbage, and everything here for lost.
create table storage_owner (
  singleton boolean primary key default true check (singleton),
  id        uuid not null default gen_random_uuid()
);
insert into storage_owner default values;
revoke all on storage_owner from public;
grant select on storage_owner to sluice_api, sluice_worker;

-- No caller talks the collector out of its grace: clients renew a link once in ten minutes at most.
create function collectable_before(grace interval) returns timestamptz
language plpgsql stable set search_path = public, pg_temp as $$
begin
  -- The second look of each function below must see what was committed while it got its lock.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'garbage is collected in READ COMMITTED transactions';
  end if;
  return now() - greatest(grace, interval '1 hour');
end $$;

-- In the closure of a request that may still be promoted, or staged by a promotion that may go on.
create function awaited(p_digest text) returns boolean
language sql stable set search_path = public, pg_temp as $$
  select exists (
      select from closure_member c join request r on r.id = c.request_id
      where c.digest = p_digest and (r.state = 'PENDING' or r.state = 'APPROVED' and not exists (
        select from promotion p where p.request_id = r.id and p.state in ('SUCCEEDED', 'FAILED'))))
    or exists (
      select from staged_member s join promotion p on p.id = s.promotion_id
      where s.digest = p_digest and p.state in ('QUEUED', 'RUNNING', 'ERRORED'))
$$;

-- Ends a repository's hold on a blob that none of its manifests refers to. A row that somebody works
-- with is skipped: whoever pushes a manifest holds a key share on its blobs, who renews holds the row.
create function unlink_blob(p_repository uuid, p_digest text, p_grace interval) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare v_before timestamptz := collectable_before(p_grace);
begin
  perform from repository_blob where repository_id = p_repository and digest = p_digest for update skip locked;
  if not found then
    return false;
  end if;
  delete from repository_blob rb
  where rb.repository_id = p_repository and rb.digest = p_digest and rb.linked_at < v_before
    and rb.admission_id is null
    and not exists (select from repository r join feed f on f.id = r.feed_id where r.id = p_repository and f.trusted)
    and not exists (
      select from manifest_edge e join repository_manifest rm on rm.digest = e.parent_digest
      where e.child_digest = p_digest and rm.repository_id = p_repository);
  return found;
end $$;

-- Deletes a blob that no repository holds and no promotion awaits; answers its storage key, now queued
-- for removal, or null. A link that is being made holds a key share on the blob: it is skipped.
create function collect_blob(p_digest text, p_grace interval) returns text
language plpgsql security definer set search_path = public, pg_temp as $$
declare v_before timestamptz := collectable_before(p_grace); v_key text;
begin
  perform from blob where digest = p_digest for update skip locked;
  if not found then
    return null;
  end if;
  delete from blob b where b.digest = p_digest and b.stored_at < v_before
    and not exists (select from repository_blob rb where rb.digest = b.digest)
    and not awaited(b.digest)
    returning storage_key into v_key;
  if v_key is not null then
    insert into storage_removal (storage_key, reason) values (v_key, 'blob') on conflict do nothing;
  end if;
  return v_key;
end $$;

-- Deletes a manifest that is in no repository.
create function collect_manifest(p_digest text, p_grace interval) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare v_before timestamptz := collectable_before(p_grace);
begin
  perform from manifest where digest = p_digest for update skip locked;
  if not found then
    return false;
  end if;
  perform from manifest m where m.digest = p_digest and m.stored_at < v_before
    and not exists (select from repository_manifest rm where rm.digest = m.digest)
    and not awaited(m.digest);
  if not found then
    return false;
  end if;
  delete from manifest_edge where parent_digest = p_digest;
  delete from manifest where digest = p_digest;
  return true;
end $$;

-- Is this manifest stored? Until the transaction ends no collector takes it.
create function keep_manifest(p_digest text) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  perform from manifest where digest = p_digest for key share;
  return found;
end $$;

-- Ends uploads that nobody has written to for so long, and queues what they received.
create function end_idle_uploads(p_idle interval, p_limit integer) returns integer
language plpgsql security definer set search_path = public, pg_temp as $$
declare v_before timestamptz := collectable_before(p_idle); v_ended integer;
begin
  with idle as (
    select id from upload
    where updated_at < v_before and (claim_until is null or claim_until < v_before)
    order by updated_at limit p_limit for update skip locked
  ), ended as (
    delete from upload u using idle where u.id = idle.id returning u.storage_key
  )
  insert into storage_removal (storage_key, reason) select storage_key, 'upload' from ended on conflict do nothing;
  get diagnostics v_ended = row_count;
  return v_ended;
end $$;

-- Puts the bytes of a new upload in the place of those found lost or damaged; answers the old key, now
-- queued for removal, or null when the blob is not quarantined.
create function heal_blob(p_digest text, p_size bigint, p_storage_key text) returns text
language plpgsql security definer set search_path = public, pg_temp as $$
declare v_old text;
begin
  select storage_key into v_old from blob
    where digest = p_digest and size = p_size and quarantined_at is not null for update;
  if not found then
    return null;
  end if;
  update blob set storage_key = p_storage_key, stored_at = now(), scrubbed_at = now(), quarantined_at = null
    where digest = p_digest;
  insert into storage_removal (storage_key, reason) values (v_old, 'healed') on conflict do nothing;
  return v_old;
end $$;

-- When the stored bytes were last hashed: at first when they came.
alter table blob add column scrubbed_at timestamptz(3) not null default now();
create index blob_scrubbed_at_idx on blob (scrubbed_at) where quarantined_at is null;

revoke update (storage_key, stored_at) on blob from sluice_api;
-- The worker may hide a blob, and say that it looked; guard_blob keeps it from lifting a quarantine.
grant update (scrubbed_at, quarantined_at) on blob to sluice_worker;

revoke all on function collectable_before, awaited, unlink_blob, collect_blob, collect_manifest, end_idle_uploads, heal_blob, keep_manifest from public;
grant execute on function unlink_blob, collect_blob, collect_manifest, end_idle_uploads to sluice_worker;
grant execute on function heal_blob, keep_manifest to sluice_api;
