"""Finds the problems of a fleet, the worst first, each with its remedy. Pure functions."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from purger.fleet.state import EdgeProblem, EdgeState, FleetState, ServedRemoval
from purger.model import PurgerPresence
from purger.text_format import counted, duration, end_of_trust
from takedown_base.printable import printable

#: Seconds for which a change may wait, for its number or for an edge, before it counts as a problem.
PATIENCE = 1.0

#: Seconds by which two clocks may differ before it counts as a problem: more than any answer takes.
CLOCKS_DIFFER = 10.0

#: Seconds for which anything may wait for its place in the signed log: a bulk of 100,000 bans takes some minutes.
_LOG_PATIENCE = 600.0

#: Seconds for which an event may wait for its receiver: a restart of a receiver takes less.
_WEBHOOK_PATIENCE = 120.0

#: The largest value of BIGINT UNSIGNED, the type of every id. Growth never gets there: some row has a huge id.
_LARGEST_ID = 2**64 - 1

#: The number of ids left below which a table counts as nearly full. Mere rows do not use up so many.
_FEW_IDS = 2**32

#: The remedy for each kind of error at an edge (``purger.edge.errors``).
_EDGE_REMEDIES = {
    "unreachable": "check its varnishd and the network; what it misses is delivered when it is back",
    "too slow": "check its load and the network; what it misses is delivered when it is back",
    "untrusted": "compare CA, certificates and host name of this edge (`purger edge set`; --ca-file: a private CA)",
    "refused": "compare the token files and the purge URL (`purger edge set`)",
    "closed to this address": "add the address from which this purger comes to the ACL takedown_purgers in the edge's "
    "default.vcl, and load it; behind a proxy such as hitch use the PROXY protocol",
    "failing": "read its varnishd's log",
    "several instances": "give each varnishd a purge URL of its own (`purger edge set`, `purger edge add`)",
}


#: The remedy for any other kind.
_OTHER_REMEDY = "read the purger's log, and check its varnishd"

#: Most edges that one problem names.
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem and its remedy, as text. The fields are keys of `purger status --json`."""

    what: str
    do: str
    edge: str | None = None  # the edge that has it; None: it concerns no single edge


def find_problems(state: FleetState) -> list[Problem]:
    """List the problems, causes before their effects. An empty list means OK."""
    if state.unusable is not None:
        return [_database_problem(state.unusable, older=state.older, refused=state.refused)]
    return [
        *_server_problems(state),
        *_setback_problems(state),
        *_schema_problems(state),
        *_clock_problems(state),
        *_counter_problems(state),
        *_log_problems(state),
        *_webhook_problems(state),
        *_purger_problems(state),
        *_edge_problems(state),
    ]


def find_remarks(state: FleetState) -> list[str]:
    """List what is no problem yet, and may be one with the next failure or the next ban."""
    return [*_lost_redundancy(state), *_cured_edges(state), *_unnamed_images(state)]


def _unnamed_images(state: FleetState) -> list[str]:
    if not state.unnamed:
        return []
    return [
        f"{counted(state.unnamed, 'image')} not known by all names of the content: a ban by another hash "
        "than the SHA-256 of the file that the site shows misses them -> run `origin verify --names`"
    ]


def _cured_edges(state: FleetState) -> list[str]:
    advice = "restart this varnishd if it happens again: its index of tags (vmod xkey) may be incomplete"
    return [
        f"{_served(each)}; it was flushed at {each.flushed_at:%H:%M:%S} -> see `purger receipts`, and {advice}"
        for each in state.served
        if each.flushed_at
    ]


def _served(each: ServedRemoval) -> str:
    return (
        f"edge {printable(each.edge)} still served image {printable(each.code)} after it had acknowledged its removal, "
        f"seen at {each.at:%Y-%m-%d %H:%M:%S} UTC"
    )


def _lost_redundancy(state: FleetState) -> list[str]:
    alive = [purger for purger in state.purgers if purger.alive]
    if len(alive) != 1:
        return []
    # A purger that was replaced signed last before its successor began.
    gone = [each for each in state.purgers if not each.alive and each.seen_at > alive[0].since]
    if not gone:
        return []
    return [
        f"redundancy lost since {gone[0].seen_at:%Y-%m-%d %H:%M:%S} UTC, {duration(gone[0].age)} ago: {gone[0].name} "
        f"no longer signs, and only {alive[0].name} is left -> start it again, or end its process if it is frozen"
    ]


def remedy(kind: str) -> str:
    """Return what to do about an error of this kind at an edge."""
    return _EDGE_REMEDIES.get(kind, _OTHER_REMEDY)


def unclaimed(claims: Mapping[str, str | None], purgers: Collection[PurgerPresence]) -> list[str]:
    """List the edges that no purger follows although some are alive; ``claims`` has each enabled edge's purger."""
    alive = {purger.id for purger in purgers if purger.alive}
    return [edge for edge, owner in claims.items() if owner not in alive] if alive else []


def _database_problem(reason: str, *, older: bool, refused: bool) -> Problem:
    if older:
        return Problem(printable(reason), "run `purger migrate`: until then a purger of this version renews no lease")
    # The purger may have another URL and account, so this command cannot tell whether it has the same problem.
    edges = "edges fall to fail-safe mode within the lease if the purger cannot use it either"
    if refused:
        what = "this command cannot use the database with this URL"
        do = "correct host, name, user and password in PURGER_DATABASE_URL"
    else:
        what, do = "the database cannot be used", "see that it runs and that PURGER_DATABASE_URL is right"
    return Problem(f"{what}: {printable(reason)}", f"{do}; {edges}")


def _server_problems(state: FleetState) -> Iterator[Problem]:
    if state.adopted != state.server:
        known = "no server was adopted" if state.adopted is None else f"{printable(state.adopted)} was adopted"
        yield Problem(
            f"this is not the adopted server: {known}, and this is {printable(state.server)}; no edge "
            "gets a heartbeat from here",
            "run `purger adopt` if this is the primary now, and do nothing if it is a copy",
        )


def _setback_problems(state: FleetState) -> Iterator[Problem]:
    reached = max((edge.batch for edge in state.edges), default=0)
    if reached > state.head:
        since = "" if state.numbered_at is None else f" after {state.numbered_at:%Y-%m-%d %H:%M:%S} UTC"
        yield Problem(
            f"edges were told batch {reached}, and this database has given {state.head} only: it has lost changes that "
            f"were committed{since}",
            "if it is the primary now, write the lost bans and lifts again "
            '(docs/operate/deployment.md, "After a restore"); a '
            "purger that acts on it flushes the edges, and they show what these bans hid",
        )


def _schema_problems(state: FleetState) -> Iterator[Problem]:
    if state.later_migrations:
        yield Problem(
            f"a later version has changed the schema: {', '.join(map(printable, state.later_migrations))}",
            "install that version here too; purgers of this one go on meanwhile",
        )
    if state.missing_triggers:
        names = ", ".join(state.missing_triggers)
        yield Problem(
            f"missing or altered triggers: {names}; bans may go unseen, and no edge gets a heartbeat",
            "run `purger migrate`; each edge is then flushed once by itself",
        )
    if state.weakened_triggers:
        names = ", ".join(state.weakened_triggers)
        yield Problem(
            f"missing or altered triggers: {names}; purges go on, but rows are not checked or not logged",
            "run `purger migrate`",
        )
    for hook in state.hooks:
        if hook.missing:
            yield Problem(
                f"hook {hook.name} on {printable(hook.table)}: missing or altered triggers: {', '.join(hook.missing)}; "
                "what the site takes down there is not banned",
                f"run `purger hook --name {hook.name} --apply`: it also bans what was taken down meanwhile",
            )
    if state.migration_lock is not None:
        yield Problem(
            f"connection {state.migration_lock} holds the lock of migrations",
            f"wait if a `purger migrate` is at work; if none is, end it as an admin: KILL {state.migration_lock}",
        )
    for table, largest in (state.largest_ids or {}).items():
        if _LARGEST_ID - largest < _FEW_IDS:
            yield Problem(
                f"the ids of table {table} are nearly used up: bans fail, or soon will",
                f"as an admin delete the row with the huge id, if there is one, run ALTER TABLE {table} "
                "AUTO_INCREMENT = 1, which goes back to the largest id that is left, and ban again what the row banned",
            )
    if state.unnumberable:
        yield Problem(
            f"{counted(state.unnumberable, 'malformed change')} of the last day could not be purged",
            "ban again what they meant (table `unnumberable`), and delete them there as an admin",
        )


def _clock_problems(state: FleetState) -> Iterator[Problem]:
    leads = {f"{purger.name} (a purger)": purger.clock_lead or 0.0 for purger in state.purgers if purger.alive}
    for whose, lead in {"this machine": state.clock_lead, **leads}.items():
        if abs(lead) > CLOCKS_DIFFER:
            yield Problem(
                f"the clock of {whose} is {duration(abs(lead))} {'ahead of' if lead > 0 else 'behind'} the database's: "
                "times in receipts and proofs contradict each other",
                "set the wrong one right, and let NTP keep both",
            )
    if state.numbered_at and state.read_at:
        ahead = (state.numbered_at - state.read_at).total_seconds()
        if ahead > CLOCKS_DIFFER:
            yield Problem(
                f"the last change is dated {state.numbered_at:%Y-%m-%d %H:%M:%S} UTC, {duration(ahead)} ahead of the "
                "database's clock, which was wrong then: images that changed since have no Last-Modified",
                "once the database's clock is right, run `purger redate`",
            )


def _counter_problems(state: FleetState) -> Iterator[Problem]:
    # The lock also keeps a purger from signing, so it comes before the problems of purgers.
    if state.counter_locked:
        yield Problem(
            "another transaction holds the row of table numbering: nothing gets a number, no edge a heartbeat",
            "find it as an admin in information_schema.innodb_trx (the oldest trx_started) or with XA RECOVER; end it "
            "with KILL or XA ROLLBACK",
        )


def _log_problems(state: FleetState) -> Iterator[Problem]:
    if state.log.unsigned:
        yield Problem(
            f"nobody writes the signed log any more: {printable(state.log.unsigned)}; takedowns go on",
            "find out who has the purger's database account, and cut the log as an admin (docs/guide/proof.md, "
            '"Leaves that nobody has signed")',
        )
    elif state.log.seconds > _LOG_PATIENCE:
        yield Problem(
            f"{state.log.text()}; takedowns go on",
            "start each purger with the log's key (--log-key-file), or with one that was made by `purger key FILE "
            "--after OLD`, and see its log; after a bulk of bans wait: 100,000 take some minutes",
        )


def _webhook_problems(state: FleetState) -> Iterator[Problem]:
    for webhook in state.webhooks:
        name = printable(webhook.name)
        why = f", since {printable(webhook.problem)}" if webhook.problem else ""
        if webhook.enabled and webhook.oldest > _WEBHOOK_PATIENCE:
            yield Problem(
                f"webhook {name}: {counted(webhook.waiting, 'event')} not told, the oldest for "
                f"{duration(webhook.oldest)}{why}; takedowns go on",
                f"make {printable(webhook.host)} accept them; they are sent once it does",
            )
        if webhook.dead:
            yield Problem(
                f"webhook {name}: {counted(webhook.dead, 'event')} given up{why}",
                f"`purger webhook events {name} --state dead` lists them, `purger webhook replay {name}` sends them "
                "again",
            )


def _purger_problems(state: FleetState) -> Iterator[Problem]:
    if not state.purgers:
        yield Problem("no purger runs", "start `purger run`, under a supervisor that restarts it")
    elif not any(purger.alive for purger in state.purgers):
        last = state.purgers[0]
        yield Problem(
            f"no purger is alive: {last.name} signed last {duration(last.age)} ago",
            "start it again; if its process is there, it is frozen or cut off from the database: see its log",
        )
    if names := unclaimed({edge.name: edge.purger for edge in state.edges}, state.purgers):
        yield Problem(
            f"no purger has claimed {counted(len(names), 'edge')}: {', '.join(map(printable, names[:_NAMED]))}"
            f"{' ...' if len(names) > _NAMED else ''}",
            "read the log of each purger; they claim an edge within 2 s, unless the database refuses it",
        )
    if state.stuck and not state.counter_locked:
        yield Problem(
            f"{counted(state.stuck, 'committed change')} got no number within {PATIENCE:g} s",
            "no purger numbers them: see above, or the purger's log",
        )


def _edge_problems(state: FleetState) -> Iterator[Problem]:
    if not state.edges:
        what = f"none of {counted(state.disabled, 'edge')} is enabled" if state.disabled else "there are no edges"
        yield Problem(what, "`purger edge enable`" if state.disabled else "add each Varnish: `purger edge add`")
    for name, by in state.lingering.items():
        yield Problem(
            f"edge {printable(name)} was disabled and has not acknowledged all: it {end_of_trust(by)}, and may show "
            "until then what is banned",
            "wait until then, or stop this varnishd",
            name,
        )
    yield from _shared_instances(state.edges)
    for each in state.served:
        if each.flushed_at is None:
            yield Problem(_served(each), "a purger flushes it; if it cannot, stop this varnishd", each.edge)
    alive = any(purger.alive for purger in state.purgers)
    for edge in state.edges:
        # The problem that a purger recorded before it went away may be over.
        yield from _problems_of_edge(edge if alive else replace(edge, recorded=None))


def _shared_instances(edges: Collection[EdgeState]) -> Iterator[Problem]:
    """Find purge URLs that lead to one varnishd: the edge that one of them should lead to gets no purge."""
    names = defaultdict[str, list[str]](list)
    for edge in edges:
        if edge.mode is not None and edge.instance is not None:
            names[edge.instance].append(printable(edge.name))
    for instance, same in names.items():
        if len(same) > 1:
            yield Problem(
                f"edges {', '.join(same)} are one varnishd ({printable(instance)}): any other one that these names "
                "mean gets no purge and no heartbeat, and no receipt proves anything of it",
                "give each its own purge URL (`purger edge set`), or remove the name that is too much",
            )


def _problems_of_edge(edge: EdgeState) -> Iterator[Problem]:
    name = printable(edge.name)
    no_answer = EdgeProblem("no answer") if edge.mode is None else None
    if error := edge.problem or no_answer:
        trust = f"; it {end_of_trust(edge.trust_ends_by)}" if edge.mode is None and edge.trust_ends_by else ""
        yield Problem(f"edge {name}: {printable(error)}{trust}", remedy(error.kind), edge.name)
    elif edge.mode == "fail-safe":
        age = edge.heartbeat_age
        last = "no heartbeat yet" if age is None else f"last heartbeat {duration(age)} ago"
        yield Problem(
            f"edge {name} is in fail-safe mode: {last}",
            "it is right for some seconds after the start of edge or purger; otherwise read the purger's log",
            edge.name,
        )
    elif edge.mode != "trusted":
        yield Problem(
            f"edge {name} says mode {printable(edge.mode)!r}: nothing ends its trust when purges do not arrive",
            "set `purger` to yes in its VCL, or disable it (`purger edge disable`)",
            edge.name,
        )
    if edge.elsewhere:
        yield Problem(
            f"edge {name}: its public URL {printable(edge.public_url)} leads to another edge or server, or to a cache "
            "before it: nothing proves that banned images are gone from it",
            "give it the URL of its own public listener (`purger edge set`)",
            edge.name,
        )
    if edge.waits > PATIENCE and not edge.problem:
        yield Problem(
            f"edge {name} has not acknowledged {counted(edge.lag, 'batch', 'batches')}, the first for "
            f"{duration(edge.waits)}",
            "wait if there is a bulk of bans; otherwise read the purger's log",
            edge.name,
        )
