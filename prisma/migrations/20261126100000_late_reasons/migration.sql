-- What is about to be pushed to a registry elsewhere says why it was not, waits while it is recalled, and names in an entry
-- what takes its place (docs/adr/0014).

-- The reason of what is intended: why the last attempt failed.
alter table late_referrer drop constraint late_referrer_check1,
  add constraint late_referrer_reason_check check (state = 'intended' or (reason is not null) = (state in ('waiting', 'refused')));

-- As before; and of what is intended the worker says why it is not there yet, and nothing else.
create or replace function guard_late_referrer() returns trigger
language plpgsql set search_path = public, pg_temp as $$
declare v_free text[] := array['state', 'reason', 'carries', 'changed_at', 'entry_id'];
begin
  if tg_op = 'DELETE' then
    perform refuse('append_only', 'what came after a promotion stays on record');
  end if;
  if tg_op = 'UPDATE' and (old.state = 'admitted' or to_jsonb(new) - v_free <> to_jsonb(old) - v_free) then
    perform refuse('append_only', 'what followed an image is recorded once');
  end if;
  if current_user <> 'sluice_owner' and (new.state in ('intended', 'admitted') or tg_op = 'UPDATE' and old.state = 'intended')
     and not (tg_op = 'UPDATE' and to_jsonb(new) - array['reason', 'changed_at'] = to_jsonb(old) - array['reason', 'changed_at']) then
    perform refuse('not_admitted', 'what follows an image is let in by admit_referrer');
  end if;
  new.changed_at := now();
  return new;
end $$;

-- As before; but what was to go to a feed that was deleted goes nowhere.
create or replace function awaited(p_digest text) returns boolean
language sql stable set search_path = public, pg_temp as $$
  select exists (
      select from closure_member c join request r on r.id = c.request_id
      where c.digest = p_digest and (r.state = 'PENDING' or r.state = 'APPROVED' and not exists (
        select from promotion p where p.request_id = r.id and p.state in ('SUCCEEDED', 'FAILED'))))
    or exists (
      select from staged_member s join promotion p on p.id = s.promotion_id
      where s.digest = p_digest and p.state in ('QUEUED', 'RUNNING', 'ERRORED'))
    or exists (
      select from late_referrer l join admission a on a.id = l.admission_id join feed f on f.id = a.feed_id
      where l.digest = p_digest and l.state = 'intended' and f.deleted_at is null)
    or exists (
      select from manifest_edge e join late_referrer l on l.digest = e.parent_digest
        join admission a on a.id = l.admission_id join feed f on f.id = a.feed_id
      where e.child_digest = p_digest and l.state = 'intended' and f.deleted_at is null)
$$;

-- As before. While the image or what it would speak about is recalled, it is sent only where the target serves it already;
-- and the entry names what it takes the place of.
create or replace function intend_referrer(p_id uuid, p_admission uuid, p_subject text, p_digest text, p_tag text, p_carries jsonb, p_entry uuid,
  p_now text, p_lease interval, p_timeout interval) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare v_admission admission; v_repository text; v_until timestamptz(3) := now() + p_lease;
begin
  select * into v_admission from admission where id = p_admission;
  if not found or not is_remote(v_admission.repository_id) then
    perform refuse('not_admitted', 'only what goes to a registry elsewhere is intended');
  end if;
  perform require_entry(p_entry, 'referrer:' || p_id, 'system');
  if not exists (select from late_referrer where id = p_id and admission_id = p_admission and subject = p_subject
                   and digest = p_digest and tag = p_tag and state = 'intended') then
    perform require_late(v_admission, p_subject, p_digest, p_tag, p_carries);
  elsif p_now is distinct from p_digest then
    perform hold_recalls('promote');
    if recalled(v_admission.feed_id, v_admission.digest) or recalled(v_admission.feed_id, p_subject) or recalled(v_admission.feed_id, p_digest) then
      perform refuse('recalled', format('%s is recalled, so that %s is not sent to the target', v_admission.digest, p_digest));
    end if;
  end if;
  if p_tag <> '' then
    perform require_signature_tag(v_admission, p_tag, p_digest, p_now);
    select name into v_repository from repository where id = v_admission.repository_id;
    insert into commit_intent as c (feed_id, repository, tag, promotion_id, digest, previous, attempt, send_until, free_at, entry_id)
      values (v_admission.feed_id, v_repository, p_tag, v_admission.promotion_id, p_digest, p_now, 1, v_until, v_until + p_timeout, p_entry)
      on conflict (feed_id, repository, tag) do update set
        promotion_id = excluded.promotion_id, digest = excluded.digest, previous = excluded.previous,
        sendings = case when c.digest = excluded.digest then c.sendings + 1 else 1 end,
        entry_id = excluded.entry_id, send_until = excluded.send_until, free_at = greatest(c.free_at, excluded.free_at), committed_at = null
      where c.free_at <= now() or c.digest = excluded.digest;
    if not found then
      perform refuse('tag_held', format('%s:%s is being set', v_repository, p_tag));
    end if;
    perform require_entry(p_entry, 'referrer:' || l.id, 'system') from late_referrer l join admission a on a.id = l.admission_id
      where a.repository_id = v_admission.repository_id and l.tag = p_tag and l.digest <> p_digest and l.state = 'intended';
    update late_referrer l set state = 'waiting', entry_id = null,
        reason = format('%s took its place under the tag before the target had it', p_digest)
      from admission a
      where a.id = l.admission_id and a.repository_id = v_admission.repository_id and l.tag = p_tag and l.digest <> p_digest and l.state = 'intended';
  end if;
  perform record_late(p_id, p_admission, p_subject, p_digest, p_tag, p_carries, 'intended', p_entry);
end $$;
