-- Where registries say that something changed: to be looked at by whichever worker is there, and only then forgotten.

create table remote_hint (
  feed_id    uuid not null references feed,
  -- As the registry calls it.
  repository text not null,
  -- Empty: some tag of it, perhaps one that was removed.
  tag        text not null default '' collate "C",
  at         timestamptz(3) not null default now(),
  due_at     timestamptz(3) not null default now(),
  primary key (feed_id, repository, tag)
);
create index remote_hint_due_at_idx on remote_hint (due_at);
create trigger notify after insert or update on remote_hint for each statement execute function notify_due('hints');

-- What the feed has in its registry by the word of who administers it, beside what was heard of.
alter table feed_remote add column repositories text[] not null default '{}';

revoke all on remote_hint from public;
grant select, insert, update on remote_hint to sluice_api;
grant select, update, delete on remote_hint to sluice_worker;
