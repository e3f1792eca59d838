-- Bytes that the storage lost or damaged are hidden at once and healed by the next push of their
-- digest. Until now the api could not write that down: it had no right to update a blob at all.

create function guard_blob() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  if new.digest <> old.digest or new.size <> old.size then
    perform refuse('blob_fixed', 'a blob keeps its digest and size');
  end if;
  -- Only new bytes lift a quarantine, and only a quarantine lets new bytes in.
  if (new.storage_key <> old.storage_key)
     is distinct from (old.quarantined_at is not null and new.quarantined_at is null) then
    perform refuse('blob_fixed', 'the bytes of a blob are replaced when it is quarantined, and not otherwise');
  end if;
  return new;
end $$;
revoke all on function guard_blob() from public;
create trigger guard before update on blob for each row execute function guard_blob();
alter table blob enable always trigger guard;

grant update (storage_key, stored_at, quarantined_at) on blob to sluice_api;
