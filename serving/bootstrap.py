"""Builds everything from the settings into one container."""

from __future__ import annotations

import gc
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from features.contracts import Contracts
from features.settings import FeatureSettings
from features.tables import RecordTables, no_records
from features.vocabulary import Branch, SubjectType
from models import shortage_bundle
from models.audit.company import read_audit_settings
from models.audit.findings import AuditSettings
from models.audit.score import AuditModel
from models.delay import DelayModel
from models.errors import NoChampionError
from models.eta import EtaModel
from models.registry import load_audit_champion, load_champion, load_eta_champion, load_shortage_champion
from models.shortage import ShortageModel
from serving.arrivals.outcomes import KnownOutcomes, KnowsThePast
from serving.arrivals.service import ArrivalService
from serving.auth.people import NOBODY, People, read_people
from serving.causes.service import CauseService
from serving.causes.tending import Tending
from serving.clock import Clock, SystemClock
from serving.config import Settings
from serving.db.engine import create_engine_for, read_only, session_factory
from serving.db.migrate import upgrade
from serving.decisions.anew import DecidesAnew
from serving.decisions.order_lines import OrderLines
from serving.decisions.service import DecisionService
from serving.directives.service import DirectiveService
from serving.effects.service import EffectService
from serving.errors import SettingsError
from serving.events.following import Following, Learns
from serving.events.records import OF_STOCK, Intake
from serving.events.service import EventService
from serving.events.snapshot import start_of
from serving.health.service import HealthService
from serving.invoices.deciding import InvoiceDecisions
from serving.invoices.service import InvoiceService, KnowsInvoices
from serving.policies.bundles import Bundles
from serving.policies.service import PolicyService
from serving.policies.starting import begin
from serving.recommendations.carriers import CarrierService
from serving.reviews.expiring import Expiring
from serving.reviews.service import ReviewService
from serving.scores.absent import AbsentModel
from serving.scores.live import LiveState
from serving.scores.ports import DelayPredictor, FeatureState
from serving.scores.service import ScoreService
from serving.shortages.deciding import ShortageDecisions
from serving.shortages.ports import KnowsStock
from serving.shortages.service import ShortageService
from serving.step_ups.service import StepUpService

STOCK_TABLES = ("orders", "order_lines", "inventory_positions", "inventory_adjustments")
FROM_A_FOLDER = "of a folder"
"""The version of a model that no registry has given a number."""


class OnlineState(FeatureState, Learns, KnowsThePast, KnowsInvoices, KnowsStock, Protocol):
    """The state both sides use: events fill it, scores ask it."""


@dataclass(frozen=True)
class Container:
    """The parts of one service, and the services made of them. Tests build one of fakes and run the same app."""

    settings: Settings
    clock: Clock
    engine: Engine
    state: OnlineState
    model: DelayPredictor
    bundles: Bundles
    people: People = NOBODY
    eta_model: EtaModel | None = None
    contracts: Contracts = field(default_factory=lambda: Contracts(()))
    audit_model: AuditModel | None = None
    shortage_model: ShortageModel | None = None

    @cached_property
    def sessions(self) -> sessionmaker[Session]:
        """Sessions that write."""
        return session_factory(self.engine)

    @cached_property
    def reads(self) -> sessionmaker[Session]:
        """Sessions that only read, and so never wait for a writer."""
        return session_factory(read_only(self.engine))

    @cached_property
    def intake(self) -> Intake:
        """How far senders are believed about time."""
        return Intake(self.settings.clock_skew, self.settings.trust_known_time)

    @cached_property
    def following(self) -> Following:
        """Keeps the state up with the record log."""
        return Following(self.reads, self.state, OF_STOCK if self.state.stock is None else ())

    @cached_property
    def events(self) -> EventService:
        """Takes events in."""
        return EventService(self.sessions, self.clock, self.state, self.intake, self.following)

    @cached_property
    def scores(self) -> ScoreService:
        """Scores shipments."""
        return ScoreService(self.clock, self.state, self.model, self.intake)

    @cached_property
    def arrivals(self) -> ArrivalService:
        """Tells when shipments arrive."""
        known = None if self.eta_model is None else KnownOutcomes(self.eta_model, self.state)
        return ArrivalService(self.clock, self.scores, self.eta_model, known)

    @cached_property
    def carriers(self) -> CarrierService:
        """Recommends carriers."""
        return CarrierService(self.clock, self.reads, self.scores, self.contracts, self.bundles)

    @cached_property
    def invoices(self) -> InvoiceService:
        """Judges freight invoices."""
        return InvoiceService(self.clock, self.state, self.audit_model, self.audit_settings, self.intake)

    @cached_property
    def shortages(self) -> ShortageService:
        """Judges order lines."""
        return ShortageService(self.clock, self.reads, self.state, self.shortage_model, self.bundles)

    @cached_property
    def invoice_decisions(self) -> InvoiceDecisions:
        """Decides about freight invoices."""
        return InvoiceDecisions(
            self.sessions, self.clock, self.following, self.invoices, self.bundles, self.settings.target
        )

    @cached_property
    def shortage_decisions(self) -> ShortageDecisions:
        """Decides about order lines."""
        return ShortageDecisions(
            self.sessions, self.clock, self.following, self.shortages, self.bundles, self.settings.target
        )

    @cached_property
    def audit_settings(self) -> AuditSettings:
        """What the rules of the audit know of the company: from the file, from the model, or the defaults."""
        if self.settings.invoice_rules is not None:
            return read_audit_settings(self.settings.invoice_rules)
        return AuditSettings() if self.audit_model is None else self.audit_model.settings

    @cached_property
    def decisions(self) -> DecisionService:
        """Decides, records and enqueues."""
        return DecisionService(
            self.sessions,
            self.reads,
            self.clock,
            self.following,
            self.scores,
            self.bundles,
            self.settings.target,
            {Branch.REBOOK: self.carriers.facts, Branch.SPLIT: OrderLines(self.state, self.state).facts},
        )

    @cached_property
    def causes(self) -> CauseService:
        """Shows common causes, and takes what people say of them."""
        return CauseService(self.sessions, self.reads, self.clock, self.bundles)

    @cached_property
    def tending(self) -> Tending:
        """Looks after common causes."""
        return Tending(self.sessions, self.reads, self.clock, self.following, self.bundles, self.deciders)

    @cached_property
    def deciders(self) -> dict[SubjectType, DecidesAnew]:
        """Who decides anew, by type of subject."""
        return {
            SubjectType.SHIPMENT: self.decisions,
            SubjectType.INVOICE: self.invoice_decisions,
            SubjectType.SHORTAGE: self.shortage_decisions,
        }

    @cached_property
    def expiring(self) -> Expiring:
        """Closes the items of the review queue that nobody answered in time."""
        return Expiring(self.sessions, self.reads, self.clock, self.bundles)

    @cached_property
    def reviews(self) -> ReviewService:
        """Keeps the review queue."""
        claim, target = self.settings.claim, self.settings.target
        parts = (self.sessions, self.reads, self.clock, self.bundles)
        return ReviewService(*parts, claim, target, self.following, self.deciders, self.people)

    @cached_property
    def effects(self) -> EffectService:
        """Takes in what became of calls."""
        skew = self.settings.clock_skew
        return EffectService(self.sessions, self.reads, self.clock, self.bundles, self.reviews, skew)

    @cached_property
    def directives(self) -> DirectiveService:
        """Keeps what people order for a while."""
        return DirectiveService(self.sessions, self.reads, self.clock, self.bundles)

    @cached_property
    def step_ups(self) -> StepUpService:
        """Keeps the proposals to raise a limit."""
        return StepUpService(self.sessions, self.reads, self.clock, self.bundles, self.people)

    @cached_property
    def policies(self) -> PolicyService:
        """Leads policy bundles through their lives."""
        return PolicyService(self.sessions, self.reads, self.clock, self.bundles, self.people)

    @cached_property
    def health(self) -> HealthService:
        """Tells whether the service can do its work."""
        return HealthService(
            self.engine,
            self.clock,
            self.model,
            self.bundles,
            self.reads,
            self.following,
            self.shortage_model,
            self.state,
        )


def build(settings: Settings, *, clock: Clock | None = None) -> Container:
    """Build the service: migrate the database, load model, policy and history, and learn the record log.

    Raises
    ------
    AuditFileError, DatabaseUrlError, NoChampionError, BundleError, FingerprintError, LifeError, PolicyError,
    SettingsError, SnapshotError, SourceError, TableError
        If a part cannot be had; each says what to do.
    """
    delay_model, eta_model = _delay_model(settings), _eta_model(settings)
    feature_settings = _features_of(delay_model, eta_model)
    model: DelayPredictor = delay_model or AbsentModel(is_meant=settings.model_name is None)
    audit_model = None
    if settings.invoice_model_name is not None and settings.tracking_uri is not None:
        audit_model, _ = load_audit_champion(settings.tracking_uri, settings.invoice_model_name)
    shortage_model = _shortage_model(settings)
    engine = create_engine_for(settings.database_url)
    upgrade(engine)
    state = LiveState(feature_settings, with_stock=shortage_model is not None)
    start = 0
    if settings.history is not None:
        start = start_of(session_factory(read_only(engine)), settings.history)
    told = _told_before(settings)
    if told is not None:
        state.add_tables(told)
    clock, bundles = clock or SystemClock(), Bundles()
    with session_factory(engine).begin() as session:
        owners = begin(session, bundles, settings.first_policies, clock.now())
    people = NOBODY if settings.people is None else read_people(settings.people, owners)
    container = Container(
        settings,
        clock,
        engine,
        state,
        model,
        bundles,
        people,
        eta_model,
        state.invoices.contracts,
        audit_model,
        shortage_model,
    )
    _ = container.audit_settings  # a file that cannot be used is told now, and not at the first question
    container.following.position = start
    container.following.catch_up()
    if settings.judges_invoices or settings.invoice_policy is not None:
        state.invoices.get_ready()
    if state.stock is not None:
        state.stock.get_ready()
    container.arrivals.catch_up()
    return container


def settle() -> None:
    """Let the garbage collector pass over all that was loaded: it lasts, and each look at it would hold up all else."""
    gc.collect()
    gc.freeze()


def _told_before(settings: Settings) -> RecordTables | None:
    """Read the history, with the contracts of another folder in place of its own where one is named.

    Orders and stock are read where shortages are judged.
    """
    without = STOCK_TABLES if settings.shortage_model is None else ()
    history = None if settings.history is None else RecordTables.read(settings.history, without)
    if settings.contracts is None:
        return history
    agreed = RecordTables.read(settings.contracts)
    return replace(
        no_records() if history is None else history,
        carrier_rates=agreed.carrier_rates,
        fuel_index=agreed.fuel_index,
        accessorials=agreed.accessorials,
    )


def _shortage_model(settings: Settings) -> ShortageModel | None:
    """Load the model of shortages, if one is named: from its folder, else the champion of the registry."""
    if settings.shortage_model is None:
        return None
    if settings.shortage_bundle is not None:
        return shortage_bundle.load(settings.shortage_bundle, FROM_A_FOLDER)[0]
    if settings.tracking_uri is None:
        return None
    return load_shortage_champion(settings.tracking_uri, settings.shortage_model)[0]


def _delay_model(settings: Settings) -> DelayModel | None:
    """Load the champion of the model of lateness; None without a registry, or where no shipments are to be judged.

    Raises
    ------
    SettingsError
        If the registry has none: nobody is to find out by the cases that all go to a person.
    """
    if settings.tracking_uri is None or settings.model_name is None:
        return None
    try:
        return load_champion(settings.tracking_uri, settings.model_name)[0]
    except NoChampionError as error:
        what_to_do = "If no shipments are to be judged, start with --model none."
        raise SettingsError("model", f"'{settings.model_name}'", f"{error} {what_to_do}") from error


def _eta_model(settings: Settings) -> EtaModel | None:
    """Load the model of arrival, if one is named."""
    if settings.eta_model_name is None or settings.tracking_uri is None:
        return None
    return load_eta_champion(settings.tracking_uri, settings.eta_model_name)[0]


def _features_of(model: DelayModel | None, eta_model: EtaModel | None) -> FeatureSettings:
    """Return the settings of the features that the models see; both must see the very same."""
    if model is None:
        return FeatureSettings() if eta_model is None else eta_model.feature_settings
    if eta_model is not None and eta_model.feature_settings != model.feature_settings:
        raise SettingsError(
            "eta model",
            f"'{eta_model.name}', trained with feature settings {eta_model.feature_settings.model_dump_json()}, and "
            f"model '{model.name}' with {model.feature_settings.model_dump_json()}",
            "A service computes features one way: train both with the same `features`, or leave one out.",
        )
    return model.feature_settings
