-- One worker for each purger: purger/progress/progress.py chooses its steps. A step may be taken at any time after it may be: so a
-- purger may be slow, frozen, or cut off from the database at any moment.

function waits(p: Purger): boolean;
begin
  return purger[p].waits.kind != Nothing;
end;

procedure send(p: Purger; kind: Kind);
begin
  purger[p].waits.kind := kind;
  purger[p].waits.instance := purger[p].instance;
  purger[p].waits.at := purger[p].position;
end;

function rebound_due(p: Purger; b: Batch): boolean;
begin
  return REBOUNDS & b != 0 & purger[p].due[b] >= REBOUND + 1;
end;

-- purger/progress/progress.py, Progress._holds_everything
function holds_everything(p: Purger): boolean;
begin
  return purger[p].has_epoch &
    (!DELIVERED_BEFORE_HEARTBEAT | (purger[p].verified & purger[p].acknowledged >= purger[p].first)) &
    (!REBOUND_BEFORE_HEARTBEAT | !REBOUNDS | (purger[p].rebounded >= purger[p].first & purger[p].flush_due = 0));
end;

-- purger/outbox/poller.py
rule "the poller numbers, and reads the head" 
  exists c: Change do unnumbered(c) end
==>
begin
  number_rows();
end;

ruleset p: Purger do

rule "a purger reads the head" purger[p].head != db.head
==>
begin
  purger[p].head := db.head;
end;

-- purger/outbox/verifier.py: all that was committed before the epoch was received is in the batches up to the head.
rule "the epoch is verified" purger[p].has_epoch & !purger[p].verified
==>
begin
  if VERIFICATION_NUMBERS then
    number_rows();
  end;
  purger[p].head := db.head;
  purger[p].verified := true;
  purger[p].first := db.head;
end;

rule "ask" !waits(p)
==>
begin
  send(p, Ask);
  if !purger[p].confirmed then
    purger[p].waits.instance := 0;
  end;
  purger[p].waits.at := 0;
end;

-- purger/delivery/worker.py, Worker._flush
rule "flush" !waits(p) & purger[p].confirmed & purger[p].must_flush
==>
begin
  send(p, Flush);
  purger[p].waits.at := 0;
  purger[p].waits.last := purger[p].head;
end;

-- Worker._deliver
rule "deliver" !waits(p) & purger[p].confirmed & !purger[p].must_flush & purger[p].acknowledged < purger[p].head
==>
begin
  send(p, Purge);
  purger[p].waits.after := purger[p].acknowledged;
  purger[p].waits.last := purger[p].head;
  purger[p].waits.moves := true;
  if !PROGRESS_AFTER_ACKNOWLEDGEMENT then
    purger[p].acknowledged := purger[p].head;
  end;
end;

-- Worker._rebound
ruleset b: 1..BATCHES do
rule "send again" !waits(p) & purger[p].confirmed & !purger[p].must_flush & rebound_due(p, b)
==>
begin
  send(p, Purge);
  purger[p].waits.after := purger[p].rebounded;
  purger[p].waits.last := b;
end;
end;

-- Worker._rebound_flush
rule "flush again" !waits(p) & purger[p].confirmed & !purger[p].must_flush & purger[p].flush_due >= REBOUND + 1
==>
begin
  send(p, FlushAgain);
  purger[p].waits.last := purger[p].acknowledged;
end;

rule "heartbeat" !waits(p) & purger[p].confirmed & !purger[p].must_flush & holds_everything(p)
==>
begin
  send(p, Heartbeat);
  purger[p].waits.epoch := purger[p].epoch;
end;

-- EdgeSession.failed, Progress.doubt
rule "no answer comes in time" waits(p) & !PROMPT
==>
begin
  if !PUNCTUAL & stray.kind = Nothing then
    stray := purger[p].waits; -- carried out late, or never
  end;
  clear purger[p].waits;
  purger[p].confirmed := false;
end;

end;

procedure keep_epoch(p: Purger);
begin
  purger[p].has_epoch := true;
  purger[p].epoch.age := 0;
  purger[p].epoch.covers := db.version;
  purger[p].verified := false;
  purger[p].first := 0;
end;

procedure require_flush(p: Purger);
begin
  purger[p].must_flush := true;
  purger[p].position := 0;
end;

-- Progress.recognise; purger/progress/discrepancy.py
procedure recognise(p: Purger);
begin
  if purger[p].instance != edge.instance then
    purger[p].instance := edge.instance;
    if FLUSH_OTHER_INSTANCE then
      require_flush(p);
    end;
  elsif (edge.position < purger[p].acknowledged & POSITIONS) | (went_back & EPOCHS) then
    require_flush(p);
  end;
  went_back := false;
  if !purger[p].must_flush then
    purger[p].position := edge.position;
  end;
  purger[p].confirmed := true;
end;

-- Progress.flushed: only here may progress go back.
procedure flushed(p: Purger; r: Request);
begin
  purger[p].verified := false;
  purger[p].first := 0;
  purger[p].acknowledged := r.last;
  purger[p].rebounded := r.last;
  purger[p].position := r.last;
  clear purger[p].due;
  purger[p].flush_due := 1;
  purger[p].must_flush := false;
end;

-- Progress.delivered
procedure delivered(p: Purger; r: Request);
begin
  if r.last > purger[p].acknowledged then
    purger[p].acknowledged := r.last;
  end;
  purger[p].due[r.last] := 1;
end;

-- Rebounds.sent
procedure rebounded(p: Purger; r: Request);
begin
  if r.last > purger[p].rebounded then
    purger[p].rebounded := r.last;
  end;
  for b: 1..BATCHES do
    if b <= purger[p].rebounded then
      purger[p].due[b] := 0;
    end;
  end;
end;

procedure answered(p: Purger; r: Request);
begin
  switch r.kind
    case Ask:
      keep_epoch(p);
      recognise(p);
    case Flush:
      flushed(p, r);
    case FlushAgain:
      purger[p].flush_due := 0;
    case Purge:
      purger[p].position := edge.position;
      if r.moves then
        delivered(p, r);
      else
        rebounded(p, r);
      end;
    case Heartbeat:
      keep_epoch(p);
      recognise(p);
  end;
end;

-- A request is carried out, and its answer received. An answer that comes late is one that was carried out late.
ruleset p: Purger do
rule "the edge answers" waits(p)
==>
var r: Request;
begin
  r := purger[p].waits;
  clear purger[p].waits;
  if refuses(r) then
    purger[p].confirmed := false;
  else
    carry_out(r);
    answered(p, r);
  end;
end;
end;

rule "a late request is carried out" stray.kind != Nothing
==>
begin
  carry_out(stray);
  clear stray;
end;

rule "a request is carried out a first time" stray.kind != Nothing
==>
begin
  carry_out(stray);
end;
