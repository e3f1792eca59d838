-- What the bytes received so far hash to, as whoever received them found, so that another process which is asked to
-- end the upload need not read them again. Worth something only to processes of the same life (`hashed_by`): what a
-- crash of the machine took from the disk is found by reading.
alter table upload
  add column hashed_digest text,
  add column hashed_by uuid,
  add constraint upload_hashed_whole check ((hashed_digest is null) = (hashed_by is null));
