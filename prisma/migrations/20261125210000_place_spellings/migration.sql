-- As before, and one place with or without the dot that ends a name. With TLS or without it is the same registry, too:
-- whoever takes two for one waits, and loses nothing. Case, and a port that goes without saying, are not in a base_url.
create or replace function place_of(p_feed uuid, p_repository text, p_tag text) returns text
language sql stable set search_path = public, pg_temp as $$
  select regexp_replace(regexp_replace(base_url, '^https?://', ''), '\.(:\d+)?$', '\1')
    || '/' || concat_ws('/', nullif(prefix, ''), p_repository) || ':' || p_tag from feed_remote where feed_id = p_feed
$$;
