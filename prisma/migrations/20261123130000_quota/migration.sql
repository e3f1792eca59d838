-- What a feed may hold, and what it holds: distinct blobs, however many of its repositories link them.

alter table feed add column quota_bytes bigint check (quota_bytes > 0);

-- Changes are added up, not updated in place: pushes to one feed never wait for each other. Two that link
-- one blob in two repositories at the same moment may count it twice, until the collector counts anew.
create table feed_usage (
  id      bigint generated always as identity primary key,
  feed_id uuid not null references feed,
  bytes   bigint not null
);
create index feed_usage_feed_id_idx on feed_usage (feed_id);
revoke all on feed_usage from public;
grant select on feed_usage to sluice_api, sluice_worker;

create function count_link() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare v_link repository_blob := case when tg_op = 'INSERT' then new else old end; v_feed uuid;
begin
  select feed_id into v_feed from repository where id = v_link.repository_id;
  if not exists (
    select from repository_blob rb join repository r on r.id = rb.repository_id
    where rb.digest = v_link.digest and rb.repository_id <> v_link.repository_id and r.feed_id = v_feed) then
    insert into feed_usage (feed_id, bytes)
      select v_feed, case when tg_op = 'INSERT' then b.size else -b.size end
      from blob b where b.digest = v_link.digest and b.size > 0;
  end if;
  return null;
end $$;
create trigger count_link after insert or delete on repository_blob for each row execute function count_link();
alter table repository_blob enable always trigger count_link;

-- One exact row a feed in place of the changes so far. The statement sees links and changes of the same moment.
create function settle_feed_usage() returns void
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('sluice usage', 0));
  with gone as (delete from feed_usage)
  insert into feed_usage (feed_id, bytes)
    select held.feed_id, sum(b.size)
    from (select distinct r.feed_id, rb.digest from repository_blob rb join repository r on r.id = rb.repository_id) held
    join blob b on b.digest = held.digest
    group by held.feed_id;
end $$;

revoke all on function count_link, settle_feed_usage from public;
grant execute on function settle_feed_usage to sluice_worker;
select settle_feed_usage();
