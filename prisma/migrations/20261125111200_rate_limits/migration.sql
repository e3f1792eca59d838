-- How often something happened in a window of time, counted over all replicas: failed sign-ins, floods. A crash of
-- Postgres may empty it; what is written there matters for minutes.
create unlogged table rate_count (
  key   text not null check (length(key) between 1 and 200),
  since timestamp(3) with time zone not null,
  count integer not null check (count > 0),
  primary key (key, since)
);
revoke all on rate_count from public;
grant select, insert, update on rate_count to sluice_api;
grant select, delete on rate_count to sluice_worker;
