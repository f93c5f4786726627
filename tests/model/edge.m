-- The edge: varnishd with varnish/takedown/*.vcl.

function trusted(): boolean;
begin
  return edge.epoch.age < LEASE | (edge.epoch.age = FUTURE_EPOCH & !FUTURE_IS_NO_LEASE);
end;

-- lease.vcl, takedown_lease_limit_hits and takedown_lease_remove_future
function hit(): boolean;
begin
  return edge.object.there &
    ((trusted() & !edge.object.short) | !FAIL_SAFE |
      edge.object.age < FAIL_SAFE_TTL | (edge.object.age = FUTURE_OBJECT & !FUTURE_IS_NO_HIT));
end;

-- Tell whether a version is shown later than the bound allows: the image though it is banned, or the special image
-- though it is not. Where the origin reads a replica that lags, an edge in fail-safe mode shows what that shows.
function late(v: Version): boolean;
begin
  return (v = 1) != (db.version = 1) & db.since = BOUND & (REPLICA -> trusted());
end;

-- An answer that a client gets who may have asked just now: those who wait for a fetch get its answer.
procedure answer(v: Version);
begin
  assert "a client gets no version later than the bound" !late(v);
end;

procedure end_fetch();
begin
  clear edge.fetch;
end;

-- fence.vcl, takedown_fence_note: also at each retry.
procedure begin_fetch();
begin
  clear edge.fetch;
  edge.fetch.step := Began;
end;

-- A miss, or a refresh of an object that is past its day.
rule "a fetch begins" edge.fetch.step = Idle
==>
begin
  begin_fetch();
end;

-- origin/answering/lookup.py: one snapshot has the row and the last batch (Takedown-Seen).
rule "the origin looks the image up" edge.fetch.step = Began
==>
begin
  edge.fetch.step := Answered;
  edge.fetch.version := db.version;
  edge.fetch.seen := db.head;
end;

-- A replica that lags: it lacks the change after this version, and so its batch. Its last batch is the latest possible.
ruleset v: Version do
rule "the origin looks the image up at a replica" REPLICA & edge.fetch.step = Began & v < db.version
==>
begin
  edge.fetch.step := Answered;
  edge.fetch.version := v;
  edge.fetch.seen := db.batch[v + 1] = 0 ? db.head : db.batch[v + 1] - 1;
end;
end;

-- fence.vcl, takedown_fence_check
function refused(): boolean;
begin
  if !FENCE then
    return false;
  elsif SEEN then
    return edge.mark > edge.fetch.seen | edge.fetch.by_hand;
  else
    return edge.fetch.marked;
  end;
end;

-- fence.vcl, takedown_fence_compare_number and takedown_fence_age
function young(): boolean;
begin
  if SEEN then
    return (edge.mark > edge.fetch.seen -> edge.mark_young) & (edge.fetch.by_hand -> edge.fetch.age = 0);
  else
    return edge.fetch.age = 0;
  end;
end;

-- vcl_backend_response: takedown_lease_limit_object, then takedown_fence_check.
rule "the answer reaches the edge" edge.fetch.step = Answered
==>
begin
  if refused() then
    begin_fetch();
  elsif trusted() then
    edge.fetch.step := Passed;
  elsif edge.fetch.age < FAIL_SAFE_TTL | !AGE_FROM_FETCH then
    edge.fetch.step := Passed;
    edge.fetch.short := true;
  else
    answer(edge.fetch.version);
    end_fetch();
  end;
end;

-- takedown_fence_refuse: the last attempt is delivered uncached if the purges that it lacks are young.
rule "the last attempt is delivered" edge.fetch.step = Answered & refused() & (young() | !LAST_ATTEMPT_YOUNG)
==>
begin
  answer(edge.fetch.version);
  end_fetch();
end;

-- Microseconds after the fence's check, bodies being streamed (lifetime.vcl): no tick is in between.
rule "the object enters the cache" edge.fetch.step = Passed
==>
begin
  edge.object.there := true;
  edge.object.version := edge.fetch.version;
  edge.object.short := edge.fetch.short;
  if edge.fetch.short & AGE_FROM_FETCH then
    edge.object.age := edge.fetch.age;
  else
    edge.object.age := 0;
  end;
  answer(edge.fetch.version);
  end_fetch();
end;

-- Time-outs of the backend, 503, a client that went away.
rule "the fetch fails" edge.fetch.step = Began | edge.fetch.step = Answered
==>
begin
  end_fetch();
end;

-- purge.vcl: first the mark (fence.vcl), then the objects, then the position (position.vcl).
procedure purge(r: Request);
var numbered: boolean;
begin
  numbered := r.at = edge.position;
  if edge.fetch.step = Began | edge.fetch.step = Answered then
    edge.fetch.marked := true;
    edge.fetch.by_hand := edge.fetch.by_hand | !numbered;
  end;
  if numbered & r.last > edge.mark then
    edge.mark := r.last;
    edge.mark_young := true;
  end;
  clear edge.object;
  for c: Change do
    if db.batch[c] > r.after & db.batch[c] <= r.last then
      edge.told[c] := true;
    end;
  end;
  if r.kind = Purge & r.moves & numbered & r.last > edge.position then
    edge.position := r.last;
  end;
end;

-- purge.vcl, takedown_purge_ban_all with only Takedown-Batch; fence.vcl, takedown_fence_mark_flush.
procedure flush(r: Request);
begin
  purge(r);
  if edge.fetch.step = Began | edge.fetch.step = Answered then
    edge.fetch.by_hand := true;
  end;
  edge.mark := r.last;
  edge.mark_young := false; -- nobody knows the age of the purges that a flush stands for
  edge.position := r.last;
end;

-- lease.vcl, takedown_lease_renew: keep the later of two, but for one of the future, which gives way.
procedure renew(e: Epoch);
begin
  if e.age != LEASE & (e.age <= edge.epoch.age | e.age = FUTURE_EPOCH) then
    edge.epoch := e;
    snapshot.renewed := snapshot.taken;
    went_back := false;
  end;
end;

-- position.vcl and lease.vcl: answer 412 to a request for another instance, or a heartbeat for another position, and
-- 400 to an epoch of the future.
function refuses(r: Request): boolean;
begin
  return (r.instance != 0 & r.instance != edge.instance & IF_MATCH) |
    (r.kind = Heartbeat & ((r.at != edge.position & POSITIONS) | (r.epoch.age = FUTURE_EPOCH & FUTURE_IS_REFUSED)));
end;

procedure carry_out(r: Request);
begin
  if !refuses(r) then
    switch r.kind
      case Purge: purge(r);
      case FlushAgain: purge(r);
      case Flush: flush(r);
      case Heartbeat: renew(r.epoch);
    end;
  end;
end;
