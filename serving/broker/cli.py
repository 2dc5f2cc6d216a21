"""`triage consume`: events from a broker into the record log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from routing.dispatch.tls import Sasl, SaslMechanism
from serving.config import Settings
from serving.worker.options import DEFAULT_DATABASE, DatabaseOption

if TYPE_CHECKING:
    from serving.broker.running import Source

app = typer.Typer(
    no_args_is_help=True,
    help="Take events in from a broker. Each message is acknowledged when it is on disk; one that is refused becomes a "
    "dead letter with the reason. Several processes may consume at once.",
)

UrlOption = Annotated[str, typer.Option(envvar="TRIAGE_BROKER_URL", help="The broker, as a URL.")]
HistoryOption = Annotated[
    Path | None, typer.Option(help="Folder of imported tables, as given to `triage serve`.", exists=True)
]
MetricsPortOption = Annotated[
    int, typer.Option(min=0, max=65535, help="Port of /metrics; 0 for a free one, which the log names.")
]
MetricsHostOption = Annotated[str, typer.Option(help="Address of /metrics.")]
BodyLimitOption = Annotated[int, typer.Option(min=1, help="Largest message that is taken.")]
ClockSkewOption = Annotated[float, typer.Option(min=0, help="How far a sender's clock may be ahead.")]
TrustOption = Annotated[
    bool, typer.Option(help="Believe a sender's known_at: for replaying history, never for a live feed.")
]
TlsOption = Annotated[bool, typer.Option("--tls", help="Under TLS, by the authorities of the system.")]
CaFileOption = Annotated[Path | None, typer.Option(exists=True, help="TLS: who is believed, in PEM.")]
CertificateFileOption = Annotated[Path | None, typer.Option(exists=True, help="TLS: our own certificate, in PEM.")]
KeyFileOption = Annotated[Path | None, typer.Option(exists=True, help="TLS: its key, in PEM.")]
UntilEmptyOption = Annotated[bool, typer.Option("--until-empty", help="End when the broker holds nothing more.")]


def register(main: typer.Typer) -> None:
    """Add `consume` to `triage`."""
    main.add_typer(app, name="consume")


@app.command("nats")
def consume_nats(
    subject: Annotated[str, typer.Option(help="Subject to consume; a JetStream stream must hold it.")],
    dead_letter: Annotated[str, typer.Option(help="Subject for what is refused; a stream must hold it too.")],
    url: UrlOption = "nats://127.0.0.1:4222",
    durable: Annotated[
        str, typer.Option(help="Name of the durable consumer; processes of one name share the messages.")
    ] = "triage",
    acknowledge_within_seconds: Annotated[
        float, typer.Option(min=0.1, help="Then the server gives a message to another process; set at the first start.")
    ] = 30.0,
    create: Annotated[str | None, typer.Option(help="Make a stream of this name for subjects no stream holds.")] = None,
    tls: TlsOption = False,
    ca_file: CaFileOption = None,
    certificate_file: CertificateFileOption = None,
    key_file: KeyFileOption = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    history: HistoryOption = None,
    metrics_port: MetricsPortOption = 0,
    metrics_host: MetricsHostOption = "127.0.0.1",
    body_limit_bytes: BodyLimitOption = 1024 * 1024,
    clock_skew_seconds: ClockSkewOption = 60.0,
    trust_known_time: TrustOption = False,
    until_empty: UntilEmptyOption = False,
) -> None:
    """Consume a subject of NATS JetStream."""

    def source() -> Source:
        from serving.broker.nats import NatsSource
        from serving.broker.security import security_of, tls_of

        return NatsSource(
            url,
            subject=subject,
            dead_letter=dead_letter,
            durable=durable,
            acknowledge_within_seconds=acknowledge_within_seconds,
            create=create,
            security=security_of(tls_of(asked=tls, ca=ca_file, certificate=certificate_file, key=key_file)),
        )

    settings = _settings(database, history, body_limit_bytes, clock_skew_seconds, trust_known_time)
    _consume(source, settings, metrics_at=(metrics_host, metrics_port), until_empty=until_empty)


@app.command("rabbitmq")
def consume_rabbitmq(
    queue: Annotated[str, typer.Option(help="Queue to consume.")],
    dead_letter: Annotated[str, typer.Option(help="Queue for what is refused.")],
    url: UrlOption = "amqp://guest:guest@127.0.0.1:5672/",
    create: Annotated[bool, typer.Option("--create", help="Make the queues, durable, where they are absent.")] = False,
    tls: TlsOption = False,
    ca_file: CaFileOption = None,
    certificate_file: CertificateFileOption = None,
    key_file: KeyFileOption = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    history: HistoryOption = None,
    metrics_port: MetricsPortOption = 0,
    metrics_host: MetricsHostOption = "127.0.0.1",
    body_limit_bytes: BodyLimitOption = 1024 * 1024,
    clock_skew_seconds: ClockSkewOption = 60.0,
    trust_known_time: TrustOption = False,
    until_empty: UntilEmptyOption = False,
) -> None:
    """Consume a queue of RabbitMQ."""

    def source() -> Source:
        from serving.broker.rabbitmq import RabbitSource
        from serving.broker.security import security_of, tls_of

        security = security_of(tls_of(asked=tls, ca=ca_file, certificate=certificate_file, key=key_file))
        return RabbitSource(url, queue=queue, dead_letter=dead_letter, create=create, security=security)

    settings = _settings(database, history, body_limit_bytes, clock_skew_seconds, trust_known_time)
    _consume(source, settings, metrics_at=(metrics_host, metrics_port), until_empty=until_empty)


@app.command("kafka")
def consume_kafka(
    topic: Annotated[str, typer.Option(help="Topic to consume.")],
    dead_letter: Annotated[str, typer.Option(help="Topic for what is refused.")],
    url: UrlOption = "127.0.0.1:9092",
    group: Annotated[str, typer.Option(help="Consumer group; its processes share the partitions.")] = "triage",
    tls: TlsOption = False,
    ca_file: CaFileOption = None,
    certificate_file: CertificateFileOption = None,
    key_file: KeyFileOption = None,
    sasl_mechanism: Annotated[SaslMechanism | None, typer.Option(help="How the user shows who they are.")] = None,
    sasl_username: Annotated[str | None, typer.Option(help="The user.")] = None,
    sasl_password: Annotated[
        str | None, typer.Option(envvar="TRIAGE_BROKER_PASSWORD", help="Better in the environment.", show_envvar=True)
    ] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    history: HistoryOption = None,
    metrics_port: MetricsPortOption = 0,
    metrics_host: MetricsHostOption = "127.0.0.1",
    body_limit_bytes: BodyLimitOption = 1024 * 1024,
    clock_skew_seconds: ClockSkewOption = 60.0,
    trust_known_time: TrustOption = False,
) -> None:
    """Consume a topic of Kafka."""

    def source() -> Source:
        from serving.broker.kafka import KafkaSource
        from serving.broker.security import security_of, tls_of

        files = tls_of(asked=tls, ca=ca_file, certificate=certificate_file, key=key_file)
        user = _user(sasl_mechanism, sasl_username, sasl_password)
        return KafkaSource(url, topic=topic, dead_letter=dead_letter, group=group, security=security_of(files, user))

    settings = _settings(database, history, body_limit_bytes, clock_skew_seconds, trust_known_time)
    _consume(source, settings, metrics_at=(metrics_host, metrics_port))


def _user(mechanism: SaslMechanism | None, username: str | None, password: str | None) -> Sasl | None:
    if mechanism is None and username is None:
        return None
    if mechanism is None or username is None or password is None:
        raise typer.BadParameter(
            "A user of Kafka is --sasl-mechanism, --sasl-username and TRIAGE_BROKER_PASSWORD together; one is missing."
        )
    return Sasl(mechanism=mechanism, username=username, password=password)


def _settings(
    database: str, history: Path | None, body_limit_bytes: int, clock_skew_seconds: float, trust_known_time: bool
) -> Settings:
    return Settings(
        database_url=database,
        history=history,
        body_limit_bytes=body_limit_bytes,
        clock_skew=timedelta(seconds=clock_skew_seconds),
        trust_known_time=trust_known_time,
    )


def _consume(
    source_of: Callable[[], Source],
    settings: Settings,
    *,
    metrics_at: tuple[str, int],
    until_empty: bool = False,
) -> None:
    from prometheus_client import start_http_server

    from serving.bootstrap import build, settle
    from serving.broker.errors import LibraryMissingError
    from serving.broker.handler import EventHandler
    from serving.broker.metrics import ConsumerMetrics
    from serving.broker.running import run_consumer

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for chatty in ("alembic", "faststream"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    log = logging.getLogger(__name__)
    try:
        source = source_of()
    except ModuleNotFoundError as error:
        raise LibraryMissingError(str(error.name)) from error
    container = build(settings)
    settle()
    metrics = ConsumerMetrics(source.origin)
    host, port = metrics_at
    server, thread = start_http_server(port, addr=host, registry=metrics.registry)
    log.info("Metrics at http://%s:%d/metrics", host, server.server_port)
    handler = EventHandler(container.events, settings.body_limit_bytes)
    try:
        asyncio.run(run_consumer(source, handler, metrics, until_empty=until_empty))
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        container.engine.dispose()
