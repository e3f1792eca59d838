-- Lists of tags are sent as Postgres wrote them, so that nothing else may be one: Distribution specification, "Pulling manifests".
alter table tag add constraint tag_name_check check (name ~ '^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$');
