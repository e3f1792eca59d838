-- What was about to be set in a registry elsewhere is finished, also when its source has another by then, or none
-- (docs/adr/0014). Until then it is kept, and what came after it waits.

-- As before; and what is about to follow its image to a registry elsewhere, with its layers.
create or replace function awaited(p_digest text) returns boolean
language sql stable set search_path = public, pg_temp as $$
  select exists (
      select from closure_member c join request r on r.id = c.request_id
      where c.digest = p_digest and (r.state = 'PENDING' or r.state = 'APPROVED' and not exists (
        select from promotion p where p.request_id = r.id and p.state in ('SUCCEEDED', 'FAILED'))))
    or exists (
      select from staged_member s join promotion p on p.id = s.promotion_id
      where s.digest = p_digest and p.state in ('QUEUED', 'RUNNING', 'ERRORED'))
    or exists (select from late_referrer l where l.digest = p_digest and l.state = 'intended')
    or exists (
      select from manifest_edge e join late_referrer l on l.digest = e.parent_digest
      where e.child_digest = p_digest and l.state = 'intended')
$$;

-- As before; and from what is being finished only once that is done. What was purged is not finished any more.
create or replace function require_signature_tag(p_admission admission, p_tag text, p_digest text, p_now text) returns void
language plpgsql stable set search_path = public, pg_temp as $$
begin
  if p_now is null or p_now = p_digest or exists (
      select from late_referrer l join admission a on a.id = l.admission_id
      where a.repository_id = p_admission.repository_id and l.tag = p_tag and l.digest = p_now and l.state = 'admitted') then
    return;
  end if;
  if not exists (
      select from late_referrer l join admission a on a.id = l.admission_id
      where a.repository_id = p_admission.repository_id and l.tag = p_tag and l.digest = p_now and l.state = 'intended') then
    perform refuse('target_moved', format('the target has %s under the tag %s, which no promotion put there', p_now, p_tag));
  end if;
  if exists (select from manifest where digest = p_now) then
    perform refuse('tag_held', format('%s was set under the tag %s before this, and is read back first; remove it from the target if it is damaged there',
      p_now, p_tag));
  end if;
end $$;

-- As before. A registry that serves nothing of what was about to be set, and whose lease has run out, never got it: what
-- is set now takes its place, and it waits until its source has it again. So no earlier one overwrites a later one.
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
    update late_referrer l set state = 'waiting', entry_id = null,
        reason = format('%s took its place under the tag before the target had it', p_digest)
      from admission a
      where a.id = l.admission_id and a.repository_id = v_admission.repository_id and l.tag = p_tag and l.digest <> p_digest and l.state = 'intended';
  end if;
  perform record_late(p_id, p_admission, p_subject, p_digest, p_tag, p_carries, 'intended', p_entry);
end $$;

-- As before, with its blobs before recalls before manifests: as `admit` and `confirm_purge` take them.
create or replace function admit_referrer(p_id uuid, p_admission uuid, p_subject text, p_digest text, p_tag text, p_carries jsonb, p_entry uuid) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare v_admission admission; v_remote boolean; v_missing text; v_now text; v_media_type text; v_moved boolean;
begin
  select * into v_admission from admission where id = p_admission;
  if not found then
    perform refuse('not_admitted', 'there is no such admission');
  end if;
  perform require_entry(p_entry, 'referrer:' || p_id, 'system');
  v_remote := is_remote(v_admission.repository_id);
  if not v_remote then
    -- The share lock keeps a collector from unlinking what is about to be linked.
    perform from blob b where b.digest in (select child_digest from manifest_edge where parent_digest = p_digest) order by b.digest for share;
    perform require_late(v_admission, p_subject, p_digest, p_tag, p_carries);
    select string_agg(e.child_digest, ', ') into v_missing from manifest_edge e
      where e.parent_digest = p_digest and not exists (
        select from blob b where b.digest = e.child_digest and b.size = e.size and b.quarantined_at is null);
    if v_missing is not null then
      perform refuse('closure_incomplete', format('not stored, or quarantined: %s', left(v_missing, 500)));
    end if;
  elsif not exists (select from late_referrer where id = p_id and admission_id = p_admission and subject = p_subject
                      and digest = p_digest and tag = p_tag and state = 'intended') then
    perform refuse('not_admitted', 'what goes to a registry elsewhere is intended first');
  end if;
  -- Of what its source has lost since, its own bytes say it.
  select coalesce(rm.media_type, convert_from(m.bytes, 'UTF8')::jsonb ->> 'mediaType') into v_media_type
    from promotion p join request_item i on i.request_id = p.request_id and i.position = v_admission.position
    join manifest m on m.digest = p_digest
    left join repository_manifest rm on rm.repository_id = i.source_repository_id and rm.digest = m.digest
    where p.id = v_admission.promotion_id;
  insert into repository_blob (repository_id, digest, admission_id)
    select distinct v_admission.repository_id, e.child_digest, v_admission.id from manifest_edge e
    where e.parent_digest = p_digest and not v_remote order by 2 on conflict do nothing;
  insert into repository_manifest (repository_id, digest, media_type, admission_id)
    values (v_admission.repository_id, p_digest, coalesce(v_media_type, 'application/vnd.oci.image.manifest.v1+json'), v_admission.id)
    on conflict do nothing;
  if p_tag <> '' then
    select digest into v_now from tag where repository_id = v_admission.repository_id and name = p_tag for update;
    if not v_remote then
      perform require_signature_tag(v_admission, p_tag, p_digest, v_now);
    end if;
    insert into tag (repository_id, name, digest) values (v_admission.repository_id, p_tag, p_digest)
      on conflict (repository_id, name) do update set digest = excluded.digest, moved_at = now()
      where tag.digest is not distinct from v_now and tag.digest <> excluded.digest;
    v_moved := found;
    if not v_moved and v_now is distinct from p_digest then
      perform refuse('target_moved', format('the tag %s was moved meanwhile', p_tag));
    end if;
    insert into tag_move (repository_id, tag, from_digest, to_digest, promotion_id)
      select v_admission.repository_id, p_tag, v_now, p_digest, v_admission.promotion_id where v_moved;
    if v_remote then
      insert into remote_tag (repository_id, name, digest) values (v_admission.repository_id, p_tag, p_digest)
        on conflict (repository_id, name) do update set digest = excluded.digest;
      update commit_intent set committed_at = now(), free_at = case when sendings = 1 then now() else free_at end
        where feed_id = v_admission.feed_id and repository = (select name from repository where id = v_admission.repository_id)
          and tag = p_tag and digest = p_digest;
    end if;
  end if;
  perform record_late(p_id, p_admission, p_subject, p_digest, p_tag, p_carries, 'admitted', p_entry);
end $$;

-- What was left like that is looked at now.
update late_scan s set due_at = now()
  where exists (select from late_referrer l where l.admission_id = s.admission_id and l.state = 'intended');
