-- The properties, and the first state.

invariant "no hit later than the bound"
  hit() -> !late(edge.object.version);

-- A kept heartbeat: the edge was told each change that was committed before it gave out that time.
invariant "a kept heartbeat is true"
  trusted() -> forall c: Change do c <= edge.epoch.covers -> edge.told[c] end;

invariant "progress never passes what was acknowledged"
  forall p: Purger do
    purger[p].instance = edge.instance & purger[p].confirmed & !purger[p].must_flush ->
    forall c: Change do db.batch[c] != 0 & db.batch[c] <= purger[p].acknowledged -> edge.told[c] end
  end;

startstate "an edge that is trusted, and all is well"
begin
  clear db;
  clear edge;
  clear purger;
  clear stray;
  clear clock;
  clear snapshot;
  went_back := false;
  db.since := BOUND;
  db.instance := 1;
  edge.instance := 1;
  for p: Purger do
    purger[p].instance := 1;
    purger[p].confirmed := true;
  end;
end;
