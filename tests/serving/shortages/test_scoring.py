"""`POST /v1/score/shortage`: what was sent is judged as `triage shortages` judges it, before the wave is released."""

from __future__ import annotations

import asyncio
import math
import shutil
from collections.abc import Awaitable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import lightgbm as lgb
import numpy as np
import pyarrow.parquet as pq
import pytest

from features.instants import micros
from features.inventory.features import INVENTORY_NAMES, Inventory, build_inventory
from features.inventory.line_moments import line_questions_of
from features.inventory.shortage_labels import shortage_of
from features.inventory.stock import Stock
from features.inventory.waiting_lines import waiting_at
from features.settings import FeatureSettings
from features.tables import RecordTables
from features.vocabulary import LineMoment, SubjectType
from models.calibration import Platt
from models.shortage import LineRow, ShortageModel
from models.shortage_bundle import features_fingerprint, save
from routing.loader import load_policy
from routing.policy import Policy
from serving.app import create_app
from serving.bootstrap import build
from serving.clock import ManualClock
from serving.config import Settings, bundled_policy
from serving.db.tables import AuditRow, DecisionRow
from serving.errors import SettingsError
from serving.events.documentation import EVENTS_OPENAPI
from serving.events.snapshot import take
from serving.shortages import service as judging_service
from serving.shortages.batch import Asked, judge_lines
from serving.shortages.documentation import LINE_EXAMPLES, TRIAGE_EXAMPLES
from tests.serving.health.test_health import lose_database
from tests.serving.house import House, Json, problem_in, put_in_force
from tests.serving.shortages.lines import decided
from training.simulate.replay import replay_feed

NOW = datetime.fromisoformat("2024-09-25T12:00:00Z")
NETWORK = Path(__file__).parents[3] / "data_samples" / "network"
BEGIN = NOW - timedelta(hours=30)
"""What became known from then on is sent as events; the rest is the history."""
PATH = "/v1/score/shortage"


@pytest.fixture(scope="module")
def tables() -> RecordTables:
    return RecordTables.read(NETWORK).known(until=NOW)


@pytest.fixture(scope="module")
def model(tables: RecordTables) -> ShortageModel:
    """A small model of the generated sample network: of its lines before their waves, so that risks differ."""
    questions = line_questions_of(tables)
    questions = questions[questions["moment"] == LineMoment.BEFORE_WAVE]
    values = build_inventory(tables, questions).values
    short = shortage_of(tables, questions)["short"].to_numpy() > 0
    shape = {"objective": "binary", "num_leaves": 7, "min_child_samples": 5, "verbosity": -1, "num_threads": 1}
    booster = lgb.train(shape, lgb.Dataset(values, short), num_boost_round=20)
    fingerprints = {"features": features_fingerprint(), "data": "generated", "model": ""}
    moment = LineMoment.BEFORE_WAVE
    return ShortageModel("shortage", "3", fingerprints, 72.0, {moment: booster}, {moment: Platt(0.9, -0.1)})


@pytest.fixture(scope="module")
def feed(tables: RecordTables) -> list[Json]:
    kinds = ("freight.order", "freight.stock.position", "freight.stock.adjustment", "freight.warehouse.task")
    return [event for event in replay_feed(tables, BEGIN, NOW) if event["type"] in kinds]


def opened(url: str, policy: Policy, tables: RecordTables, model: ShortageModel, **options: Any) -> House:
    given: dict[str, Any] = {"feature_settings": FeatureSettings(), "history": tables, "shortage_model": model}
    return House(url, policy, clock=ManualClock(NOW), trust_known_time=True, **(given | options))


@pytest.fixture(scope="module")
def desk(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory, late_shipments: Policy, tables: RecordTables,
    model: ShortageModel, feed: list[Json],
) -> Iterator[House]:  # fmt: skip
    """A service that was told of the last thirty hours event by event."""
    url = f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path_factory.mktemp('desk') / 'triage.db')}"
    with opened(url, late_shipments, tables.known(until=BEGIN), model) as house:
        for first in range(0, len(feed), 500):
            assert house.send(*feed[first : first + 500])["rejected"] == 0
        yield house


def waves(tables: RecordTables, *, released: bool) -> list[str]:
    """Return waves of the last day, in order: those of which all picks are planned, or of which some are released."""
    picks = tables.warehouse_tasks[tables.warehouse_tasks["kind"] == "pick"].dropna(subset="wave_id")
    begun = picks[picks["status"] == "released"]
    recent = begun[begun["occurred_at"] > NOW - timedelta(hours=20)]["wave_id"]
    return sorted({*recent}) if released else sorted({*picks["wave_id"]} - {*begun["wave_id"]})


def ask(house: House, **question: Any) -> Json:
    answer = house.api.post(PATH, json=question)
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body


def waiting(tables: RecordTables) -> list[tuple[str, str]]:
    stock = Stock.of_tables(tables)
    chosen = waiting_at(stock, Inventory(stock), micros(NOW))
    names = dict(zip(stock.line_numbers.tolist(), stock.ids, strict=True))
    return [names[number] for number in chosen.tolist()]


class TestAnswers:
    def test_what_waits_is_judged_as_by_the_command(
        self, desk: House, tables: RecordTables, model: ShortageModel
    ) -> None:
        expected = judge_lines(tables, Asked(at=NOW), model)
        names = waiting(tables)
        assert len(names) > 20
        answer = ask(desk, lines=[{"order_id": order, "line_id": line} for order, line in names])
        assert answer["as_of"] == NOW.isoformat().replace("+00:00", "Z")
        mine, theirs = answer["lines"], [one.model_dump(mode="json") for one in expected]
        assert [(one["order_id"], one["line_id"]) for one in mine] == [(o["order_id"], o["line_id"]) for o in theirs]
        own = ("stake", "stake_unknown_because")
        for one, other in zip(mine, theirs, strict=True):
            assert {name: told for name, told in one.items() if name not in own} == {
                name: told for name, told in other.items() if name not in own
            }
        probabilities = [one["probability"] for one in mine if one["probability"] is not None]
        assert answer["expected_short"] == pytest.approx(sum(probabilities))
        assert answer["abstained"] == len(mine) - len(probabilities)

    def test_a_wave_that_was_released_is_judged_as_of_just_before(
        self, desk: House, tables: RecordTables, model: ShortageModel
    ) -> None:
        wave = waves(tables, released=True)[0]
        expected = judge_lines(tables, Asked(wave), model)
        answer = ask(desk, wave_id=wave)
        assert [one["features_digest"] for one in answer["lines"]] == [one.features_digest for one in expected]
        assert [one["probability"] for one in answer["lines"]] == [one.probability for one in expected]
        assert datetime.fromisoformat(answer["as_of"]) == expected[0].as_of
        assert datetime.fromisoformat(answer["released_at"]) == expected[0].as_of + timedelta(microseconds=1)

    def test_reasons_and_base_add_up_to_the_probability(self, desk: House, tables: RecordTables) -> None:
        answer = ask(desk, wave_id=waves(tables, released=True)[0])
        explained = [one for one in answer["lines"] if one["probability"] is not None]
        assert explained
        for one in explained:
            explanation = one["explanation"]
            total = explanation["base_log_odds"] + sum(reason["log_odds"] for reason in explanation["reasons"])
            assert total == pytest.approx(explanation["log_odds"], abs=1e-9)
            assert one["probability"] == pytest.approx(1 / (1 + math.exp(-total)), abs=1e-9)
            assert one["reasons"] == [reason["words"] for reason in explanation["reasons"]]

    def test_reasons_are_left_out_where_nobody_wants_them(self, desk: House, tables: RecordTables) -> None:
        order, line = waiting(tables)[0]
        wanted, plain = (ask(desk, order_id=order, explain=explain)["lines"] for explain in (True, False))
        assert [one["probability"] for one in wanted] == [one["probability"] for one in plain]
        assert all(one["explanation"] is None and one["reasons"] == [] for one in plain)
        assert line in {one["line_id"] for one in plain}

    def test_what_is_at_stake_is_quantity_value_tier_and_probability(
        self, desk: House, tables: RecordTables, late_shipments: Policy
    ) -> None:
        lines = tables.order_lines.set_index(["order_id", "line_id"])["unit_value_minor"]
        tiers = tables.orders.set_index("order_id")["customer_tier"]
        names = waiting(tables)
        answer = ask(desk, lines=[{"order_id": order, "line_id": line} for order, line in names])
        staked = [one for one in answer["lines"] if one["stake"] is not None]
        assert len(staked) > 20
        for one in staked:
            stake, at_risk = one["stake"], one["evidence"]["quantity_at_risk"]
            share = late_shipments.costs.lateness_share[tiers[one["order_id"]]]
            assert stake["loss_minor"] == pytest.approx(at_risk * lines[one["order_id"], one["line_id"]] * share)
            assert stake["expected_loss_minor"] == pytest.approx(stake["loss_minor"] * one["probability"])
            given = sum(node["free"] for node in one["evidence"]["nodes"])
            assert stake["saved_share"] == pytest.approx(min(given / at_risk, 1.0))
        total = sum(one["stake"]["expected_loss_minor"] for one in staked)
        assert answer["expected_loss_minor"] == pytest.approx(total)
        assert answer["currency"] == "EUR"

    def test_the_verdict_is_what_the_books_say(self, desk: House, tables: RecordTables) -> None:
        names = waiting(tables)
        answer = ask(desk, lines=[{"order_id": order, "line_id": line} for order, line in names])
        told = {one["verdict"] for one in answer["lines"]}
        assert {"short", "covered"} <= told
        for one in answer["lines"]:
            if one["verdict"] == "short":
                assert one["stock"]["free"] < one["needed"]
            elif one["verdict"] == "covered":
                assert one["stock"]["free"] - one["stock"]["unreserved_ahead"] >= one["needed"]

    def test_a_line_that_is_picked_needs_nothing_and_has_no_risk(self, desk: House, tables: RecordTables) -> None:
        tasks = tables.warehouse_tasks
        done = tasks[(tasks["kind"] == "pick") & (tasks["status"] == "done")].iloc[-1]
        named = {"order_id": done["order_id"], "line_id": done["line_id"]}
        (line,) = ask(desk, lines=[named])["lines"]
        assert line["probability"] is None
        assert "needs nothing more" in line["abstained_because"][0]
        assert line["verdict"] == "cannot_determine"
        assert line["stake_unknown_because"] == "the quantity at risk is not known"

    def test_a_line_asked_for_twice_is_answered_once(self, desk: House, tables: RecordTables) -> None:
        order, line = waiting(tables)[0]
        named = {"order_id": order, "line_id": line}
        assert len(ask(desk, lines=[named, named])["lines"]) == 1

    def test_nothing_is_decided_or_recorded(self, desk: House, tables: RecordTables) -> None:
        before = desk.count(AuditRow), desk.count(DecisionRow)
        ask(desk, wave_id=waves(tables, released=True)[0])
        assert (desk.count(AuditRow), desk.count(DecisionRow)) == before

    def test_a_place_that_has_fallen_silent_is_not_believed(
        self, sqlite_url: str, late_shipments: Policy, tables: RecordTables, model: ShortageModel
    ) -> None:
        order, line = waiting(tables)[0]
        with opened(sqlite_url, late_shipments, tables, model) as house:
            house.advance(hours=200)
            (found,) = ask(house, lines=[{"order_id": order, "line_id": line}])["lines"]
        assert found["probability"] is None
        assert "nothing was told of stock at the place for" in found["abstained_because"][0]
        assert found["evidence"] is found["stock"] is found["stake"] is None


class TestRefusing:
    @pytest.mark.parametrize(
        "question",
        [
            {},
            {"wave_id": "W", "order_id": "O"},
            {"wave_id": "W", "place": "P"},
            {"lines": []},
            {"lines": [{"order_id": "O"}]},
            {"lines": [{"order_id": "O", "line_id": "1"}] * 1001},
            {"wave_id": "W", "at": "2024-11-20T12:00:00Z"},
            {"wave_id": "\x00"},
            {"wave_id": "W", "explain": "perhaps"},
        ],
    )
    def test_a_question_that_breaks_the_schema(self, desk: House, question: Json) -> None:
        assert problem_in(desk.api.post(PATH, json=question), 422, "invalid-request")["errors"]

    def test_what_nobody_sent(self, desk: House) -> None:
        lines = [{"order_id": "O-0", "line_id": str(number)} for number in range(7)]
        detail = problem_in(desk.api.post(PATH, json={"lines": lines}), 404, "unknown-order-line")["detail"]
        assert "0 of order 'O-0'" in detail
        assert "and 2 more" in detail
        problem_in(desk.api.post(PATH, json={"order_id": "O-0"}), 404, "unknown-order")
        assert "wave_id" in problem_in(desk.api.post(PATH, json={"wave_id": "W-0"}), 404, "unknown-wave")["detail"]

    def test_more_lines_than_are_judged_at_once(
        self, desk: House, tables: RecordTables, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(judging_service, "MOST_LINES", 1)
        wave = waves(tables, released=True)[0]
        assert (
            "at most 1 are judged"
            in problem_in(desk.api.post(PATH, json={"wave_id": wave}), 422, "too-many-lines")["detail"]
        )

    def test_a_body_that_is_no_json(self, desk: House) -> None:
        answer = desk.api.post(PATH, content=b"wave_id=W", headers={"content-type": "text/plain"})
        problem_in(answer, 415, "media-type")
        problem_in(
            desk.api.post(PATH, content=b"{", headers={"content-type": "application/json"}), 400, "malformed-body"
        )

    def test_a_service_that_was_not_started_for_it(self, house: House) -> None:
        assert (
            "--shortage-model"
            in problem_in(house.api.post(PATH, json={"wave_id": "W"}), 409, "no-shortage-model")["detail"]
        )

    def test_a_caller_without_the_token(self, house: House) -> None:
        with house.another(api_token="0123456789abcdef") as guarded:
            problem_in(guarded.api.post(PATH, json={"wave_id": "W"}), 401, "unauthorized")


def test_others_are_answered_while_a_wave_is_judged(
    desk: House, tables: RecordTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wave of 500 lines with their reasons takes more than half a second; nobody waits for the end of it."""
    monkeypatch.setattr(judging_service, "LINES_AT_ONCE", 2)
    wave = {"wave_id": max(waves(tables, released=False), key=lambda one: len(ask(desk, wave_id=one)["lines"]))}
    answered: list[str] = []

    async def at_once() -> None:
        transport = httpx.ASGITransport(create_app(desk.container))
        async with httpx.AsyncClient(transport=transport, base_url="http://triage") as api:

            async def note(name: str, answer: Awaitable[httpx.Response]) -> None:
                assert (await answer).status_code == 200
                answered.append(name)

            await asyncio.gather(note("wave", api.post(PATH, json=wave)), note("health", api.get("/healthz")))

    asyncio.run(at_once())
    assert answered == ["health", "wave"]


def test_the_examples_are_taken_in_and_answered(
    any_url: str, late_shipments: Policy, tables: RecordTables, model: ShortageModel
) -> None:
    moment = ManualClock(datetime.fromisoformat("2026-03-02T14:00:00Z"))
    with House(any_url, late_shipments, clock=moment, shortage_model=model) as house:
        for example in EVENTS_OPENAPI["requestBody"]["content"]["application/cloudevents+json"]["examples"].values():
            house.send(example["value"])
        answers = [ask(house, **example["value"]) for example in LINE_EXAMPLES.values()]
        with house.container.sessions.begin() as session:
            put_in_force(session, load_policy(bundled_policy(SubjectType.SHORTAGE)), house.clock.now())
        decisions = [decided(house, **example["value"]) for example in TRIAGE_EXAMPLES.values()]
    assert [len(answer["lines"]) for answer in answers] == [1, 2, 2, 1]
    assert [len(answer["lines"]) for answer in decisions] == [1, 2, 1]
    (line,) = answers[0]["lines"]
    assert (line["place"], line["wave_id"], line["needed"]) == ("DEHAM", "DEHAM-591", 12)
    assert (line["verdict"], line["stock"]["free"], line["stock"]["inbound"]) == ("covered", 52, 0)
    assert [holder["name"] for holder in line["evidence"]["holders"]] == ["SO-4650"]
    assert line["stake"]["loss_minor"] == pytest.approx(12 * 4900 * late_shipments.costs.lateness_share["priority"])


class TestTogether:
    def test_what_a_process_without_the_model_took_in_is_judged_by_one_with_it(
        self, any_url: str, late_shipments: Policy, tables: RecordTables, model: ShortageModel, feed: list[Json]
    ) -> None:
        history = tables.known(until=BEGIN)
        with House(any_url, late_shipments, clock=ManualClock(NOW), trust_known_time=True) as taking:
            for first in range(0, len(feed), 500):
                taking.send(*feed[first : first + 500])
            with taking.another(feature_settings=FeatureSettings(), history=history, shortage_model=model) as judging:
                wave = waves(tables, released=True)[0]
                mine = [one["features_digest"] for one in ask(judging, wave_id=wave)["lines"]]
        assert mine == [one.features_digest for one in judge_lines(tables, Asked(wave), model)]

    def test_without_a_database_a_line_is_judged_and_nothing_is_at_stake(
        self, sqlite_url: str, late_shipments: Policy, tables: RecordTables, model: ShortageModel
    ) -> None:
        wave = waves(tables, released=True)[0]
        with opened(sqlite_url, late_shipments, tables, model) as house:
            lose_database(house)
            answer = ask(house, wave_id=wave)
        assert [one["probability"] for one in answer["lines"]] == [
            one.probability for one in judge_lines(tables, Asked(wave), model)
        ]
        assert {one["stake"] for one in answer["lines"]} == {None}
        assert "no bundle in force can be read" in answer["lines"][0]["stake_unknown_because"]
        assert answer["currency"] is None


class TestStarting:
    def test_from_the_folder_of_a_bundle_a_snapshot_answers_the_same(
        self, desk: House, tables: RecordTables, model: ShortageModel, tmp_path: Path
    ) -> None:
        save(model, tmp_path / "bundle", {})
        tables.known(until=BEGIN).write(tmp_path / "history")
        take(desk.container.reads, tmp_path / "history", tmp_path / "snapshot")
        settings = Settings(
            database_url=desk.database_url, history=tmp_path / "snapshot", shortage_model=str(tmp_path / "bundle")
        )
        started = build(settings, clock=ManualClock(NOW))
        question = judging_service.LineQuestion(wave_id=waves(tables, released=True)[0])
        mine, theirs = (each.shortages.answer(question) for each in (started, desk.container))
        for one, other in zip(mine.lines, theirs.lines, strict=True):
            np.testing.assert_array_equal(one.judged.values, other.judged.values)
            assert one.judged.score == other.judged.score
        (check,) = [check for check in started.health.readiness() if check.name == "shortages"]
        assert (
            check.reason
            == f"{model.name} version of a folder, {len(desk.container.state.stock or ()):,} order lines known"
        )

    def test_it_is_ready_and_says_with_which_model(self, desk: House, model: ShortageModel) -> None:
        checks = {check["name"]: check for check in desk.api.get("/readyz").json()["checks"]}
        assert checks["shortages"]["ok"]
        assert checks["shortages"]["reason"].startswith(f"{model.name} version {model.version}, ")

    def test_without_it_no_stock_is_read_or_learnt(
        self, tmp_path: Path, tables: RecordTables, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tables.write(tmp_path / "history")
        settings = Settings(database_url=f"sqlite:///{tmp_path}/t.db", history=tmp_path / "history")
        read: list[str] = []
        whole = pq.read_table
        monkeypatch.setattr(pq, "read_table", lambda path: read.append(path.stem) or whole(path))
        container = build(settings, clock=ManualClock(NOW))
        assert container.state.stock is None
        assert "warehouse_tasks" in read
        assert not {"orders", "order_lines", "inventory_positions", "inventory_adjustments"} & set(read)
        assert "shortages" not in {check.name for check in container.health.readiness()}

    def test_a_name_needs_a_registry(self) -> None:
        with pytest.raises(SettingsError, match=r"no folder with a bundle.json, so give the registry too"):
            Settings(shortage_model="shortage")


def test_the_bulk_of_lines_is_scored_as_each_alone(tables: RecordTables, model: ShortageModel) -> None:
    values = np.random.default_rng(1).normal(size=(20, len(INVENTORY_NAMES)))
    values[3] = np.nan
    news = np.linspace(0, 100, 20)
    many = model.scores(values, news, LineMoment.BEFORE_WAVE)
    assert many == [
        model.score(LineRow(row, float(hours)), LineMoment.BEFORE_WAVE) for row, hours in zip(values, news, strict=True)
    ]
