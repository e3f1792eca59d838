-- Two feeds may lead to one place: a registry, a repository in it, a tag. It has one writer at a time all the same.

-- As the registry calls it, under the feed's settings now.
create function place_of(p_feed uuid, p_repository text, p_tag text) returns text
language sql stable set search_path = public, pg_temp as $$
  select base_url || '/' || concat_ws('/', nullif(prefix, ''), p_repository) || ':' || p_tag from feed_remote where feed_id = p_feed
$$;

create function guard_place() returns trigger
language plpgsql set search_path = public, pg_temp as $$
declare v_place text := place_of(new.feed_id, new.repository, new.tag); v_held commit_intent;
begin
  -- Of two that find no row, the second waits for the first, and sees it then.
  perform pg_advisory_xact_lock(hashtextextended('sluice place ' || v_place, 0));
  select c.* into v_held from commit_intent c
    where c.tag = new.tag and c.feed_id <> new.feed_id and c.promotion_id <> new.promotion_id and c.free_at > now()
      and place_of(c.feed_id, c.repository, c.tag) = v_place
    limit 1;
  if found then
    perform refuse('tag_held', format('%s is being set by a promotion to another feed until %s', v_place, v_held.free_at));
  end if;
  return new;
end $$;
create trigger guard_place before insert or update on commit_intent for each row when (new.committed_at is null)
  execute function guard_place();
alter table commit_intent enable always trigger guard_place;

create index on commit_intent (tag);
revoke all on function place_of, guard_place from public;
