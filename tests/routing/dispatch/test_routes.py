from __future__ import annotations

from features.vocabulary import Branch, SubjectType
from routing.dispatch.routes import ALL_KINDS, CallKind, Route, Routes, kinds_of

REBOOK = CallKind(SubjectType.SHIPMENT, Branch.REBOOK)
UNDO_REBOOK = REBOOK._replace(undoes=True)
APPROVE = CallKind(SubjectType.INVOICE, Branch.APPROVE)
NOTIFY = CallKind(SubjectType.SHIPMENT, Branch.NOTIFY)
TELL_OF_SHORTAGE = CallKind(SubjectType.SHORTAGE, Branch.NOTIFY)


def test_a_branch_takes_its_calls_and_what_undoes_them() -> None:
    routes = Routes([Route(target="tms", branches=frozenset({Branch.REBOOK}))])
    assert [routes.target_of(kind) for kind in (REBOOK, UNDO_REBOOK, APPROVE)] == ["tms", "tms", None]


def test_a_type_tells_apart_what_branches_do_not() -> None:
    routes = Routes([Route(target="wms", types=("freight.shortage.*",)), Route(target="mail", types=("*.notify",))])
    assert [routes.target_of(kind) for kind in (NOTIFY, TELL_OF_SHORTAGE)] == ["mail", "wms"]


def test_the_first_route_that_takes_a_call_counts_and_the_rest_go_otherwise() -> None:
    undoing = Route(target="desk", types=("freight.compensation.*",))
    routes = Routes([undoing, Route(target="tms", branches=frozenset({Branch.REBOOK}))], otherwise="erp")
    assert [routes.target_of(kind) for kind in (UNDO_REBOOK, REBOOK, APPROVE)] == ["desk", "tms", "erp"]
    taken = [kind for kinds in routes.by_target.values() for kind in kinds]
    assert sorted(taken) == sorted(ALL_KINDS)


def test_what_no_target_takes_and_what_no_call_goes_by_is_told() -> None:
    all_of_it = Route(target="tms", branches=frozenset({Branch.REBOOK}))
    routes = Routes([all_of_it, Route(target="x", types=("freight.branch.rebook",)), Route(target="y")])
    assert routes.idle() == (1, 2)
    assert routes.without_target([APPROVE, REBOOK]) == (APPROVE,)


def test_nobody_is_called_for_review() -> None:
    assert kinds_of(SubjectType.INVOICE, [Branch.REVIEW, Branch.APPROVE]) == (APPROVE, APPROVE._replace(undoes=True))
