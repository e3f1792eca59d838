-- How far the bytes of each item are, in the order of the items: [{"bytes", "totalBytes", "blobs", "totalBlobs"}].
alter table promotion_progress add column items jsonb not null default '[]';
