-- Faults beyond delays and lost, late and doubled requests. Each is there in the variants that set its constant.

-- The purger is killed and started again: purger/progress.py, Progress.resume.
ruleset p: Purger do
rule "a purger starts again" KILLED
==>
begin
  if waits(p) & stray.kind = Nothing then
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

-- purger/recorder.py, Progress.saved
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

-- vcl.load and vcl.use: globals outlive it (instance.vcl, position.vcl).
rule "the VCL is reloaded" RELOADS & !KEPT_AT_RELOAD
==>
begin
  edge.mark := 0;
  edge.fetch.by_hand := false;
end;
