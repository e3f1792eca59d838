-- A quota holds under pushes of the same moment. Who links or unlinks in a feed that has one does so in turn, until
-- commit: each then sees what those before it hold, counts a blob once, and is refused what they left no room for.
-- Feeds without a quota, and trusted ones, which nobody pushes to, wait for nobody. The lock is the last that a push
-- takes, so that it closes no circle.
create or replace function count_link() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare v_link repository_blob := case when tg_op = 'INSERT' then new else old end; v_feed uuid; v_limited boolean;
begin
  select f.id, f.quota_bytes is not null and not f.trusted into v_feed, v_limited
    from repository r join feed f on f.id = r.feed_id where r.id = v_link.repository_id;
  if v_limited then
    perform pg_advisory_xact_lock(hashtextextended('sluice quota ' || v_feed, 0));
  end if;
  if not exists (
    select from repository_blob rb join repository r on r.id = rb.repository_id
    where rb.digest = v_link.digest and rb.repository_id <> v_link.repository_id and r.feed_id = v_feed) then
    insert into feed_usage (feed_id, bytes)
      select v_feed, case when tg_op = 'INSERT' then b.size else -b.size end
      from blob b where b.digest = v_link.digest and b.size > 0;
  end if;
  return null;
end $$;
