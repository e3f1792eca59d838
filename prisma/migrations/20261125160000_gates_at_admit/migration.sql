-- Gates are evaluated in TypeScript, by two processes that do not trust each other: by the api when somebody approves, by
-- the worker when a promotion starts. Each writes down what it found under its own role, and nothing is let in that
-- either of them did not find open: docs/adr/0011.

-- The attempt whose start a report is about.
alter table gate_report add column promotion_id uuid references promotion, add column attempt integer;

-- What runs while this is applied was evaluated before.
alter table gate_report disable trigger append_only;
update gate_report g set promotion_id = p.id, attempt = p.attempt from promotion p
  where g.phase = 'start' and p.request_id = g.request_id and p.state = 'RUNNING';
alter table gate_report enable always trigger append_only;

-- Who says what, and when, is not for the report to say.
create function guard_gate_report() returns trigger
language plpgsql set search_path = public, pg_temp as $$
begin
  -- Two that waited for each other have the order in which they were written, not that in which they began.
  new.at := clock_timestamp();
  new.promotion_id := null;
  new.attempt := null;
  if current_user = 'sluice_api' and new.phase = 'start' or current_user = 'sluice_worker' and new.phase <> 'start' then
    perform refuse('gate_report_fixed', 'the api reports on creation and approval, the worker on the start');
  end if;
  if new.phase = 'start' then
    select p.id, p.attempt into new.promotion_id, new.attempt from promotion p
      where p.request_id = new.request_id and p.state = 'QUEUED';
    if not found then
      perform refuse('promotion_state', 'gates are evaluated before a promotion runs');
    end if;
  end if;
  return new;
end $$;
create trigger guard before insert on gate_report for each row execute function guard_gate_report();
alter table gate_report enable always trigger guard;

-- The gates that keep this request out by a report: those of its policy that the report lacks, and any that it has not
-- found open. `p_patient`: what time alone opens is as good as open. Null: none.
create function closed_gates(p_request request, p_report jsonb, p_patient boolean) returns text
language sql stable set search_path = public, pg_temp as $$
  with asked as (
    -- The pusher is looked at by the gate `requester`; what leads back is only decided, and break-glass not even that.
    select k as gate from lane_version v, jsonb_object_keys(v.policy -> 'gates') k
      where v.lane_id = p_request.lane_id and v.version = p_request.lane_version and p_request.kind = 'promote' and k <> 'pusher'
    union select unnest(array['quorum', 'requester']) where p_request.kind <> 'break-glass'
  ), found as (
    select g ->> 'gate' as gate,
      coalesce(g ->> 'verdict' = 'pass' or p_patient and g ->> 'verdict' = 'wait' and g ->> 'until' is not null, false) as open
    from jsonb_array_elements(p_report -> 'gates') g
  )
  select string_agg(gate, ', ' order by gate) from (
    select gate from asked where gate not in (select gate from found) union select gate from found where not open) closed
$$;

create function require_gates(p_promotion uuid, p_request request) returns void
language plpgsql stable set search_path = public, pg_temp as $$
declare v_report jsonb; v_closed text;
begin
  select g.report into v_report from gate_report g join promotion p on p.id = g.promotion_id and p.attempt = g.attempt
    where g.request_id = p_request.id and g.promotion_id = p_promotion and g.phase = 'start' order by g.at desc, g.id desc limit 1;
  if v_report is null then
    perform refuse('gate_refused', 'the gates were not evaluated when this attempt started');
  end if;
  v_closed := closed_gates(p_request, v_report, false);
  if v_closed is not null then
    perform refuse('gate_refused', format('not open when this attempt started: %s', v_closed));
  end if;
  if p_request.kind = 'break-glass' then
    return;
  end if;
  select g.report into v_report from gate_report g
    where g.request_id = p_request.id and g.phase = 'approval' order by g.at desc, g.id desc limit 1;
  v_closed := closed_gates(p_request, v_report, true);
  if v_report is null or v_closed is not null then
    perform refuse('gate_refused', format('not open when it was approved: %s', coalesce(v_closed, 'nobody evaluated the gates')));
  end if;
end $$;

-- As before, and with the gates.
create or replace function require_admissible(p_promotion uuid, p_request request) returns void
language plpgsql set search_path = public, pg_temp as $$
declare v_item request_item; v_from uuid; v_feed uuid;
begin
  if p_request.state <> 'APPROVED' then
    perform refuse('request_state', format('request %s is %s', p_request.id, p_request.state));
  end if;
  if p_request.expires_at <= now() then
    perform refuse('request_expired', format('request %s expired at %s', p_request.id, p_request.expires_at));
  end if;
  if not exists (select from request_binding(p_request.id) b
                 where b.set_digest = p_request.set_digest and b.bound_hash = p_request.bound_hash) then
    perform refuse('binding_mismatch', 'the request is not what was approved');
  end if;
  if not (exists (select from valid_approvers(p_request.id))
          or p_request.kind = 'break-glass' and exists (select from break_glass where request_id = p_request.id))
     or not request_quorum_met(p_request.id) then
    perform refuse('quorum_missing', 'the approvals that the lane asks for are not there');
  end if;
  perform require_gates(p_promotion, p_request);
  perform require_closure(p_promotion, p_request.id);
  perform hold_recalls(p_request.kind);
  select from_feed_id, to_feed_id into v_from, v_feed from lane where id = p_request.lane_id;
  for v_item in select * from request_item where request_id = p_request.id order by position loop
    if p_request.kind in ('promote', 'break-glass') then
      if not exists (select from repository where id = v_item.source_repository_id and feed_id = v_from) then
        perform refuse('lane_fixed', 'a promotion takes from the first feed of its lane');
      end if;
    elsif not exists (
      select from repository r join repository_manifest m on m.repository_id = r.id
      where r.id = v_item.source_repository_id and r.feed_id = v_feed and r.name = v_item.target_repository
        and m.digest = v_item.digest and m.admission_id is not null) then
      perform refuse('not_admitted', format('%s was never let into %s', v_item.digest, v_item.target_repository));
    end if;
    if p_request.kind <> 'restore' and recalled(v_feed, v_item.digest) then
      perform refuse('recalled', format('%s is recalled: %s', v_item.digest,
        (select reason from recall where id = recall_of(v_feed, v_item.digest))));
    end if;
  end loop;
end $$;

revoke all on function guard_gate_report, closed_gates, require_gates from public;
