-- The clock.

procedure grow(var age: EpochAge);
begin
  if age < LEASE then
    age := age + 1;
  end;
end;

procedure count(var c: Countdown);
begin
  if c > 0 & c < REBOUND + 1 then
    c := c + 1;
  end;
end;

procedure grow_request(var r: Request);
begin
  if r.kind = Heartbeat then
    grow(r.epoch.age);
    if r.epoch.age = LEASE then
      clear r; -- renews nothing
    end;
  end;
end;

procedure grow_object(var o: Object);
begin
  if o.there & o.age < FAIL_SAFE_TTL then
    o.age := o.age + 1;
  end;
  if o.short & o.age = FAIL_SAFE_TTL then
    clear o;
  end;
end;

-- A fetch has time-outs, and the check of the fence and the object's entry are microseconds apart.
function may_tick(): boolean;
begin
  return edge.fetch.step != Passed & (edge.fetch.step = Idle | edge.fetch.age < LONGEST_FETCH);
end;

-- All is well: the purger does within a tick what is to be done.
function prompt(): boolean;
begin
  return !exists c: Change do unnumbered(c) end & forall p: Purger do
    !waits(p) & purger[p].head = db.head & purger[p].acknowledged = db.head &
    !exists b: 1..BATCHES do rebound_due(p, b) end
  end;
end;

rule "tick" may_tick() & (PROMPT -> prompt())
==>
begin
  if db.since < BOUND then
    db.since := db.since + 1;
  end;
  if edge.epoch.age = FUTURE_EPOCH & FUTURE_IS_NO_LEASE & FUTURE_IS_FORGOTTEN then
    edge.epoch.age := LEASE; -- lease.vcl, takedown_lease_forget_future: by the next request
  end;
  grow(edge.epoch.age);
  if edge.epoch.age = LEASE then
    edge.epoch.covers := 0;
  end;
  if snapshot.taken then
    grow(snapshot.epoch.age);
  end;
  edge.mark_young := false;
  grow_object(edge.object);
  grow_object(snapshot.object);
  if edge.fetch.step != Idle then
    edge.fetch.age := edge.fetch.age + 1;
  end;
  for p: Purger do
    for b: 1..BATCHES do
      count(purger[p].due[b]);
    end;
    count(purger[p].flush_due);
    if purger[p].has_epoch then
      grow(purger[p].epoch.age);
      if purger[p].epoch.age = LEASE then
        clear purger[p].epoch;
        purger[p].has_epoch := false;
        purger[p].verified := false;
        purger[p].first := 0;
      end;
    end;
    grow_request(purger[p].waits);
  end;
  grow_request(stray);
end;
