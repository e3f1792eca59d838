-- What a feed keeps of what was pushed to it (docs/storage.md). Rules are judged in
-- packages/promotion/src/retention.ts; whatever they say, this function decides what may go.

alter table feed add column retention jsonb not null default '{"rules": []}';

-- A tag may be moved by a person, a promotion, or a rule, whose run this entry tells of.
alter table tag_move add column entry_id uuid references audit_entry;
alter table tag_move drop constraint tag_move_names_who;
alter table tag_move add constraint tag_move_names_who
  check (actor_id is not null or promotion_id is not null or entry_id is not null);

-- Removes a manifest from an untrusted repository, with the tags that were judged; false when it stays:
-- promoted anywhere, asked for, immutable, younger than a day, under another tag by now, or needed by what is there.
create function retire_manifest(p_repository uuid, p_digest text, p_tags text[], p_entry uuid) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare v_before timestamptz := collectable_before('1 day'); v_feed uuid; v_rules jsonb;
begin
  select f.id, f.tag_rules into v_feed, v_rules from repository r join feed f on f.id = r.feed_id
    where r.id = p_repository and not f.trusted and jsonb_array_length(f.retention -> 'rules') > 0;
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
    and not exists (select from admission a where a.digest = p_digest)
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

revoke all on function retire_manifest from public;
grant execute on function retire_manifest to sluice_worker;
grant execute on function awaited to sluice_api, sluice_worker;
