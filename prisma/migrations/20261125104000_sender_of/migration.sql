-- The worker looks at what hangs on an image when a promotion starts, and gates know senders by name. It reads
-- no identities; this tells it the one name, as guard_evidence writes it down.
create function sender_of(p_principal uuid) returns text
language sql stable security definer set search_path = public, pg_temp as $$
  select coalesce(
    (select 'robot:' || r.name from robot r where r.id = p_principal),
    (select 'user:' || i.subject from identity i where i.person_id = p_principal and i.issuer = 'local'
      order by i.created_at, i.id limit 1))
$$;

revoke all on function sender_of from public;
grant execute on function sender_of to sluice_api, sluice_worker;
