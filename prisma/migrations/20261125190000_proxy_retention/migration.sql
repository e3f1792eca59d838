-- What a proxy feed lets go of, beside what runs somewhere: both were added to this function at the same time, and only
-- one of them stayed. What nobody pulled lately goes, and what runs stays (docs/adr/0013, docs/adr/0015).
create or replace function retire_manifest(p_repository uuid, p_digest text, p_tags text[], p_entry uuid) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare v_before timestamptz := collectable_before('1 day'); v_feed uuid; v_rules jsonb;
begin
  select f.id, f.tag_rules into v_feed, v_rules from repository r join feed f on f.id = r.feed_id
    where r.id = p_repository and not f.trusted and (f.kind = 'proxy' or jsonb_array_length(f.retention -> 'rules') > 0);
  if not found then
    return false;
  end if;
  perform require_entry(p_entry, 'feed:' || v_feed, 'system');
  -- Whoever builds on it now holds a key share on it, and it is skipped.
  perform from repository_manifest where repository_id = p_repository and digest = p_digest for update skip locked;
  if not found then
    return false;
  end if;
  perform from repository_manifest rm where rm.repository_id = p_repository and rm.digest = p_digest
    and rm.pushed_at < v_before and rm.admission_id is null
    and not awaited(p_digest)
    and not runs(p_digest)
    and not exists (select from admission a where a.digest = p_digest)
    and not exists (select from manifest_use u where u.repository_id = p_repository and u.digest = p_digest and u.used_at >= v_before)
    and not exists (select from tag t where t.repository_id = p_repository and t.digest = p_digest
      and (t.name <> all (p_tags) or matches_any_tag(v_rules -> 'immutable', t.name)))
    and not exists (
      select from manifest_edge e join repository_manifest parent on parent.digest = e.parent_digest
      where e.child_digest = p_digest and e.kind = 'manifest' and parent.repository_id = p_repository)
    and not exists (
      select from manifest m join repository_manifest subject on subject.digest = m.subject_digest
      where m.digest = p_digest and subject.repository_id = p_repository);
  if not found then
    return false;
  end if;
  with gone as (delete from tag where repository_id = p_repository and digest = p_digest returning name)
  insert into tag_move (repository_id, tag, from_digest, entry_id) select p_repository, name, p_digest, p_entry from gone order by name;
  delete from repository_manifest where repository_id = p_repository and digest = p_digest;
  return true;
end $$;
