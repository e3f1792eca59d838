-- Every tag move of all that a caller may see is one list, searched by feed, repository, tag, digest and person. Its
-- cost is that of the page that is answered, whatever the table holds: each filter has an index in the list's order.

alter table tag_move add column feed_id uuid;
alter table tag_move disable trigger user;
update tag_move m set feed_id = r.feed_id from repository r where r.id = m.repository_id;
alter table tag_move alter column feed_id set not null;
alter table tag_move enable always trigger append_only;
alter table tag_move enable always trigger append_only_truncate;
alter table tag_move enable always trigger guard_membership;

-- A repository never changes its feed, so that nobody writes this down but the trigger.
create function stamp_feed() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  select feed_id into new.feed_id from repository where id = new.repository_id;
  return new;
end $$;
create trigger stamp_feed before insert on tag_move for each row execute function stamp_feed();
alter table tag_move enable always trigger stamp_feed;

create index tag_move_feed_idx on tag_move (feed_id, at, id);
create index tag_move_feed_tag_idx on tag_move (feed_id, tag, at, id);
create index tag_move_repository_idx on tag_move (repository_id, at, id);
create index tag_move_to_idx on tag_move (to_digest, at, id) where to_digest is not null;
create index tag_move_from_idx on tag_move (from_digest, at, id) where from_digest is not null;
create index tag_move_actor_idx on tag_move (actor_id, at, id) where actor_id is not null;
create index tag_move_promotion_idx on tag_move (promotion_id) where promotion_id is not null;
create index approval_person_idx on approval (person_id, request_id);

-- Who looks at a request hears of each decision, also of one that the quorum is not yet met by.
create function notify_approval() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  perform pg_notify('sluice_request', new.request_id::text);
  return null;
end $$;
create trigger notify after insert or update of revoked_at on approval for each row execute function notify_approval();

revoke all on function stamp_feed, notify_approval from public;

-- How long decisions took, by week.
create index request_decided_at_idx on request (decided_at) where decided_at is not null;
