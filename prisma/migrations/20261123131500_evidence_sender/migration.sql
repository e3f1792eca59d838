-- Gates know senders by name, and the worker, which evaluates them too, reads no identities: the name is
-- written down when the evidence comes, by Postgres. A name that changes hands later vouches for nothing old.

alter table evidence add column sender text;

create or replace function guard_evidence() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
  -- Which of two is newer, and who sent it, is not for the sender to say.
  new.received_at := now();
  new.sender := coalesce(
    (select 'robot:' || r.name from robot r where r.id = new.received_by),
    (select 'user:' || i.subject from identity i where i.person_id = new.received_by and i.issuer = 'local'
      order by i.created_at, i.id limit 1));
  perform require_entry(new.entry_id, 'digest:' || new.subject);
  return new;
end $$;
