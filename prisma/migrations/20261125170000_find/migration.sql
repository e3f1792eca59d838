-- Requests are found by the beginning of a tag or of a digest, among all there are.
create index request_item_source_tag_idx on request_item (source_tag collate "C");
create index request_target_tag_idx on request_target (tag collate "C");
create index request_any_set_digest_idx on request (set_digest);
