"""Builds the report that `purger audit --json` prints. Its fields are the keys of the JSON."""

from dataclasses import dataclass

from purger.probing.audit import AuditResult, ServedImage


@dataclass(frozen=True, slots=True, kw_only=True)
class UnprovenReport:
    """A banned image that an edge neither served nor proved gone."""

    edge: str
    code: str
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """The whole report (see ``AuditResult``)."""

    codes: int
    edges: int
    looks: int
    served: list[ServedImage]
    not_proven: int
    unproven: list[UnprovenReport]
    unreachable: dict[str, str]
    renditions_not_named: tuple[str, ...]
    disabled: tuple[str, ...]


def audit_report(result: AuditResult) -> AuditReport:
    """Build the report on the result of an audit."""
    return AuditReport(
        codes=result.codes,
        edges=result.edges,
        looks=result.probes,
        served=result.served,
        not_proven=result.not_proven,
        unproven=[UnprovenReport(edge=each.edge, code=each.code, said=each.said) for each in result.unproven],
        unreachable=result.unreachable,
        renditions_not_named=result.renditions_not_named,
        disabled=result.disabled,
    )
