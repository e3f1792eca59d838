-- Evidence about digests, and what ticket systems said of requests. Both are only ever added to: gates look
-- at all of it, and what was once said stays on record.

create table evidence (
  id             uuid primary key,
  -- The digest it is about: of an index, or of one platform's image.
  subject        text not null,
  type           text not null,
  format         text not null,
  predicate_type text,
  -- As they came; everything else is read out of them.
  bytes          bytea not null check (octet_length(bytes) <= 16777216),
  sha256         text not null,
  -- Over what it says, however it is wrapped.
  content_digest text not null,
  claimed_at     timestamptz(3),
  received_at    timestamptz(3) not null default now(),
  received_by    uuid not null references principal,
  -- The lane and key that its signature was found good for when it came, as `lane/key`. Gates verify again.
  verified       text,
  summary        jsonb not null,
  entry_id       uuid not null references audit_entry,
  constraint evidence_sha256_is_of_bytes check (sha256 = 'sha256:' || encode(sha256(bytes), 'hex')),
  constraint evidence_once unique (subject, sha256, received_by)
);
create index evidence_subject_idx on evidence (subject, received_at desc, id desc);

create table ticket_state (
  id          uuid primary key,
  request_id  uuid not null references request,
  ticket      text not null,
  state       text not null,
  key_name    text not null,
  -- When the ticket system says that it became so.
  at          timestamptz(3) not null,
  received_at timestamptz(3) not null default now(),
  entry_id    uuid not null references audit_entry,
  constraint ticket_state_once unique (request_id, key_name, ticket, state, at)
);

create function guard_evidence() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  -- Which of two is newer is not for the sender to say.
  new.received_at := now();
  perform require_entry(new.entry_id, 'digest:' || new.subject);
  return new;
end $$;
create trigger guard before insert on evidence for each row execute function guard_evidence();

create function guard_ticket_state() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  new.received_at := now();
  perform from request r where r.id = new.request_id and r.state in ('PENDING', 'APPROVED') and r.expires_at > now();
  if not found then
    perform refuse('request_state', format('request %s no longer waits for a ticket', new.request_id));
  end if;
  perform require_entry(new.entry_id, 'request:' || new.request_id);
  return new;
end $$;
create trigger guard before insert on ticket_state for each row execute function guard_ticket_state();

do $$
declare t text;
begin
  foreach t in array array['evidence', 'ticket_state'] loop
    execute format('create trigger append_only before update or delete on %I for each row execute function append_only()', t);
    execute format('create trigger append_only_truncate before truncate on %I for each statement execute function append_only()', t);
    execute format('alter table %I enable always trigger append_only', t);
    execute format('alter table %I enable always trigger append_only_truncate', t);
    execute format('alter table %I enable always trigger guard', t);
    execute format('revoke all on %I from public', t);
    execute format('grant select, insert on %I to sluice_api', t);
    execute format('grant select on %I to sluice_worker', t);
  end loop;
end $$;
revoke all on function guard_evidence, guard_ticket_state from public;
