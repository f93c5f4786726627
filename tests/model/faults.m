-- Faults beyond delays and lost, late and doubled requests. Each is there in the variants that set its constant.

-- The purger is killed and started again: purger/progress/progress.py, Progress.resume.
ruleset p: Purger do
rule "a purger starts again" KILLED
==>
begin
  if !PUNCTUAL & waits(p) & stray.kind = Nothing then
    stray := purger[p].waits;
  end;
  clear purger[p];
  purger[p].instance := db.instance;
  purger[p].acknowledged := db.acknowledged;
  purger[p].rebounded := db.rebounded;
  if db.rebounded < db.acknowledged then
    purger[p].due[db.acknowledged] := 1;
  end;
end;

-- purger/records/recorder.py, Progress.saved
rule "progress is recorded" KILLED & !purger[p].must_flush & purger[p].flush_due = 0
==>
begin
  db.instance := purger[p].instance;
  db.acknowledged := purger[p].acknowledged;
  db.rebounded := purger[p].rebounded;
end;
end;

-- varnishd restarts: cache, marks, lease and position are gone.
rule "the edge restarts" RESTARTS & edge.instance < INSTANCES
==>
var next: Instance;
begin
  next := edge.instance + 1;
  clear edge;
  edge.instance := next;
  edge.epoch.age := LEASE;
end;

-- Two varnishds behind one address, and the balancer changes over. The other one was trusted long ago: it has an object
-- of any version, and any position.
ruleset v: Version; b: Batch do
rule "another varnishd answers" BALANCER & edge.instance < INSTANCES & v <= db.version & b <= db.head
==>
var next: Instance;
begin
  next := edge.instance + 1;
  clear edge;
  edge.instance := next;
  edge.epoch.age := LEASE;
  edge.position := b;
  edge.object.there := true;
  edge.object.version := v;
  edge.object.age := FAIL_SAFE_TTL;
  for c: Change do
    edge.told[c] := c <= v;
  end;
end;
end;

-- The edge's machine is put back to a snapshot: same instance, earlier state. Its connections are gone, so the purger asks
-- it first (Progress.doubt). Had it neither a heartbeat nor a purge since, then only a late rebound helps, which the
-- model lacks.
rule "the edge's machine is saved" SNAPSHOT & !snapshot.taken
==>
begin
  snapshot.taken := true;
  snapshot.position := edge.position;
  snapshot.epoch := edge.epoch;
  snapshot.mark := edge.mark;
  snapshot.told := edge.told;
  snapshot.object := edge.object;
end;

rule "the edge goes back to that"
  snapshot.taken & (snapshot.renewed | snapshot.position != edge.position)
==>
begin
  went_back := snapshot.renewed;
  edge.position := snapshot.position;
  edge.epoch := snapshot.epoch;
  edge.mark := snapshot.mark;
  edge.told := snapshot.told;
  edge.object := snapshot.object;
  clear edge.fetch;
  clear snapshot;
  for p: Purger do
    clear purger[p].waits;
    purger[p].confirmed := false;
  end;
end;

-- The edge's clock is set back by an hour, which is longer than every delay. All that it gave out is from the future from then on.
procedure turn_back(var age: EpochAge);
begin
  if age < LEASE then
    age := FUTURE_EPOCH;
  end;
end;

rule "the clock is set back" CLOCK & clock = Right
==>
begin
  clock := Behind;
  turn_back(edge.epoch.age);
  if stray.kind = Heartbeat then
    turn_back(stray.epoch.age);
  end;
  for p: Purger do
    if purger[p].has_epoch then
      turn_back(purger[p].epoch.age);
    end;
    if purger[p].waits.kind = Heartbeat then
      turn_back(purger[p].waits.epoch.age);
    end;
  end;
  if edge.object.there then
    edge.object.age := FUTURE_OBJECT;
  end;
end;

-- An hour later. The purger, and what is on its way, have forgotten the epochs of before.
rule "the clock has caught up" clock = Behind & db.since = BOUND &
  stray.kind != Heartbeat & forall p: Purger do !waits(p) & purger[p].epoch.age != FUTURE_EPOCH end
==>
begin
  clock := CaughtUp;
  if edge.epoch.age = FUTURE_EPOCH then
    edge.epoch.age := 0;
  end;
  if edge.object.age = FUTURE_OBJECT then
    edge.object.age := FAIL_SAFE_TTL;
  end;
end;

-- vcl.load and vcl.use: globals outlive it (position.vcl).
rule "the VCL is reloaded" RELOADS & !KEPT_AT_RELOAD
==>
begin
  edge.mark := 0;
  edge.fetch.by_hand := false;
end;
