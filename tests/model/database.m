-- The moderation database. takedown_db/schema/definitions/outbox_triggers.sql, takedown_db/schema/definitions/numbering_routines.sql

-- The trigger writes the row of the outbox in the change's own transaction. The row has its id from then on.
rule "a moderator writes the next change" db.version < CHANGES & !db.open
==>
begin
  db.open := true;
end;

rule "the change is committed" db.open
==>
begin
  db.open := false;
  db.version := db.version + 1;
  db.since := 0;
end;

rule "the change is rolled back" db.open
==>
begin
  db.open := false;
  db.skipped[db.version + 1] := false;
end;

-- With a cursor on the id, a poll that sees another image's row with a larger id never comes back for the open one.
rule "a poll finds a row with a larger id" !NUMBERING & db.open & !db.skipped[db.version + 1]
==>
begin
  db.skipped[db.version + 1] := true;
end;

function unnumbered(c: Change): boolean;
begin
  return c <= db.version & db.batch[c] = 0 & !db.skipped[c];
end;

-- Number all committed rows, in one call that runs in the server (number_invalidations).
procedure number_rows();
begin
  if exists c: Change do unnumbered(c) end then
    db.head := db.head + 1;
    for c: Change do
      if unnumbered(c) then
        db.batch[c] := db.head;
      end;
    end;
  end;
end;
