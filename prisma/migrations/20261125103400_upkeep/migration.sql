-- When the collector and the scrubber last came to their end, and what they did: read by GET /storage.
-- What they do in one blob or repository has its entries; this is how their runs went, and is overwritten.

create table upkeep (
  work     text primary key check (work in ('collect', 'scrub')),
  ended_at timestamptz(3) not null default now(),
  result   jsonb not null
);
revoke all on upkeep from public;
grant select on upkeep to sluice_api, sluice_worker;
grant insert, update on upkeep to sluice_worker;
