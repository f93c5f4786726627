-- Sizes, and the state of one image, its database, one edge, and the purgers.

const
  -- Ticks. Only their order and their sums matter: a tick stands for some seconds of a lease, or half a second of a rebound.
  LEASE: 2;
  REBOUND: 1;
  -- G3: lease and fail-safe TTL. G1, where a tick is half a second and all is well: 1 s.
  BOUND: PROMPT ? 2 : LEASE + FAIL_SAFE_TTL;

  -- The age of an epoch, or object, from before the step of the edge's clock back: it is of the future.
  FUTURE_EPOCH: LEASE + 1;
  FUTURE_OBJECT: FAIL_SAFE_TTL + 1;

  BATCHES: CHANGES; -- at most one for each change

type
  Change: 1..CHANGES;
  Version: 0..CHANGES; -- of the image: the count of changes. 0 and 2 show it, 1 does not
  Batch: 0..BATCHES; -- 0: none
  Since: 0..BOUND; -- ticks since a commit; BOUND: as long, or longer
  EpochAge: 0..FUTURE_EPOCH; -- by the edge's clock; LEASE: over
  FetchAge: 0..LONGEST_FETCH;
  ObjectAge: 0..FUTURE_OBJECT; -- FAIL_SAFE_TTL: as old, or older
  Countdown: 0..REBOUND + 1; -- 0: none; 1: acknowledged in this tick; REBOUND + 1: due
  Instance: 0..INSTANCES; -- 0: none
  Purger: 1..PURGERS;

  -- The time that an edge gave out. "covers" is not in the protocol: the version that was committed at that moment.
  Epoch: record
    age: EpochAge;
    covers: Version;
  end;

  Object: record
    there: boolean;
    version: Version;
    age: ObjectAge;
    short: boolean; -- stored with the fail-safe TTL
  end;

  Kind: enum { Nothing, Ask, Purge, Flush, FlushAgain, Heartbeat };

  -- A request to the purge listener.
  Request: record
    kind: Kind;
    instance: Instance; -- If-Match; 0: none
    after: Batch; -- purges the batches after this one
    last: Batch; -- up to this one
    moves: boolean; -- Takedown-Batch, else Takedown-Part-Of
    at: Batch; -- Takedown-After, or the position of a heartbeat
    epoch: Epoch;
  end;

var
  db: record
    version: Version; -- changes that are committed
    open: boolean; -- the next change is written, and not committed
    skipped: array [Change] of boolean; -- a cursor on the id has passed the row
    since: Since; -- the last commit
    batch: array [Change] of Batch;
    head: Batch;
    -- Table edges.
    instance: Instance;
    acknowledged: Batch;
    rebounded: Batch;
  end;

  edge: record
    instance: Instance;
    position: Batch;
    epoch: Epoch;
    mark: Batch; -- its number
    mark_young: boolean; -- it was raised in this tick
    told: array [Change] of boolean; -- not in the protocol: this instance has carried out a purge for the change
    object: Object;
    fetch: record
      step: enum { Idle, Began, Answered, Passed };
      age: FetchAge;
      version: Version;
      seen: Batch;
      marked: boolean; -- a mark of its group was set since it began
      by_hand: boolean; -- by a purge without a number
      short: boolean;
    end;
  end;

  purger: array [Purger] of record
    waits: Request; -- for the answer to it
    instance: Instance;
    confirmed: boolean;
    must_flush: boolean;
    position: Batch;
    head: Batch;
    acknowledged: Batch;
    rebounded: Batch;
    due: array [1..BATCHES] of Countdown; -- rebounds of everything up to this batch
    flush_due: Countdown;
    has_epoch: boolean;
    epoch: Epoch;
    verified: boolean;
    first: Batch; -- head of the verification
  end;

  -- Of the edge's machine; "renewed": the edge has kept a heartbeat since.
  snapshot: record
    taken: boolean;
    renewed: boolean;
    position: Batch;
    epoch: Epoch;
    mark: Batch;
    told: array [Change] of boolean;
    object: Object;
  end;
  went_back: boolean; -- the edge's last heartbeat is an earlier one than the purger remembers

  clock: enum { Right, Behind, CaughtUp }; -- of the edge, which was set back once

  stray: Request; -- for whose answer nobody waits any more
