-- Who sets another's password can sign in as that person and choose a new one, after which nothing shows whose
-- password it is. So that somebody else gave one is remembered, by Postgres, and while a request is open its
-- requester gains no approver that way: not even one who has changed the password since.

alter table credential
  -- Who last set it for somebody else, and when; kept when that one changes it.
  add column given_by uuid references person,
  add column given_at timestamptz(3);
update credential set given_by = set_by, given_at = set_at where set_by <> person_id;

create function remember_giver() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  if new.set_by <> new.person_id and (tg_op = 'INSERT' or new.password_hash <> old.password_hash) then
    new.given_by := new.set_by;
    new.given_at := now();
  elsif tg_op = 'INSERT' then
    new.given_by := null;
    new.given_at := null;
  else
    new.given_by := old.given_by;
    new.given_at := old.given_at;
  end if;
  return new;
end $$;
create trigger remember before insert or update on credential for each row execute function remember_giver();
alter table credential enable always trigger remember;

create function refuse_given_password() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  if new.decision = 'approve' and exists (
    select from credential c join request r on r.id = new.request_id
    where c.person_id = new.person_id and c.given_by = any (r.requester_persons) and c.given_at >= r.created_at) then
    perform refuse('password_known_to_requester',
      'the requester set this person''s password while the request was open; another person must approve, or a new request be made');
  end if;
  return new;
end $$;
create trigger given_password before insert on approval for each row execute function refuse_given_password();
alter table approval enable always trigger given_password;

revoke all on function remember_giver, refuse_given_password from public;
