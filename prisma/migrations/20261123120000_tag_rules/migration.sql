-- Tags as versions (docs/tags.md), held by Postgres whatever the code does. The same rules, with better
-- words for whoever breaks them, are in packages/promotion/src/tag-rules.ts; a test compares the two.

create function is_release_tag(tag text) returns boolean language sql immutable as $$
  select tag ~ '^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$'
$$;

create function is_virtual_tag(tag text) returns boolean language sql immutable as $$
  select tag ~ '^(latest|latest-stable|[0-9]+(\.[0-9]+)?)$'
$$;

create function is_signature_tag(tag text) returns boolean language sql immutable as $$
  select tag ~ '^sha(256|512)-[0-9a-f]{64}(\.(sig|att|sbom))?$'
$$;

-- Patterns hold A-Z a-z 0-9 _ . - and *, or are "release".
create function matches_tag(pattern text, tag text) returns boolean language sql immutable as $$
  select case when pattern = 'release' then is_release_tag(tag)
    else tag like replace(replace(pattern, '_', '\_'), '*', '%') end
$$;

create function matches_any_tag(patterns jsonb, tag text) returns boolean language sql immutable as $$
  select exists (select from jsonb_array_elements_text(coalesce(patterns, '[]')) p (pattern) where matches_tag(p.pattern, tag))
$$;

-- What is immutable is neither moved, by nobody, nor removed, but by a function of the owner's (a recall).
-- Where tags are versions, nobody sets a virtual one or one that is not permitted. What is there stays.
create function guard_tag() returns trigger language plpgsql as $$
declare v_tag tag := case when tg_op = 'INSERT' then new else old end; v_rules jsonb;
begin
  if tg_op = 'UPDATE' and (new.repository_id, new.name) is distinct from (old.repository_id, old.name) then
    perform refuse('tag_immutable', 'a tag keeps its repository and its name');
  end if;
  if is_signature_tag(v_tag.name) or tg_op = 'UPDATE' and new.digest = old.digest then
    return case when tg_op = 'DELETE' then old else new end;
  end if;
  select f.tag_rules into v_rules from repository r join feed f on f.id = r.feed_id where r.id = v_tag.repository_id;
  if (tg_op = 'UPDATE' or tg_op = 'DELETE' and current_user <> 'sluice_owner')
     and matches_any_tag(v_rules -> 'immutable', v_tag.name) then
    perform refuse('tag_immutable', format('the tag %s is on %s for ever', v_tag.name, v_tag.digest));
  end if;
  if tg_op <> 'DELETE' and v_rules -> 'versions' = 'true' and not is_release_tag(v_tag.name)
     and (is_virtual_tag(v_tag.name) or not matches_any_tag(v_rules -> 'permitted', v_tag.name)) then
    perform refuse('tag_not_permitted', format('the tag %s is neither a release nor permitted here', v_tag.name));
  end if;
  return case when tg_op = 'DELETE' then old else new end;
end $$;
create trigger guard_tag before insert or update or delete on tag for each row execute function guard_tag();
alter table tag enable always trigger guard_tag;

do $$
declare f regprocedure;
begin
  for f in select oid from pg_proc where pronamespace = 'public'::regnamespace and proname in
    ('is_release_tag', 'is_virtual_tag', 'is_signature_tag', 'matches_tag', 'matches_any_tag', 'guard_tag') loop
    execute format('revoke all on function %s from public', f);
    execute format('grant execute on function %s to sluice_api, sluice_worker', f);
    execute format('alter function %s set search_path = public, pg_temp', f);
  end loop;
end $$;
