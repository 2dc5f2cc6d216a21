"""mTLS against a real server on loopback: both sides show a certificate, and neither takes one of somebody else."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, contextmanager, suppress
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from faststream.security import SASLScram512
from nats.errors import Error

from routing.dispatch.brokers.kafka import security_of
from routing.dispatch.brokers.nats import require_tls
from routing.dispatch.brokers.targets import KafkaTarget, NatsTarget, RabbitTarget
from routing.dispatch.errors import BrokerPlaceError, TlsFilesError, UnreachableError
from routing.dispatch.http import HttpClient
from routing.dispatch.tls import Sasl, SaslMechanism, Tls
from routing.dispatch.webhooks import WebhookCaller
from serving.broker import security
from tests.routing.dispatch.certificates import Authority
from tests.routing.dispatch.fakes import NOON, SECRET, FakeResolver, a_target

NAME = "orchestrator.example"
SASL = Sasl(mechanism=SaslMechanism.SCRAM_SHA_512, username="triage", password="a-password")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@contextmanager
def server(authority: Authority, name: str) -> Iterator[int]:
    """Answer 202 to one who shows a certificate of the authority; yield the port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.file)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(*authority.issue(name))

    def answer(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection, suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
            received = b""
            while not received.endswith(b"\r\n\r\n{}"):  # what is left unread when it closes would reset the connection
                received += secured.recv(65536)
            secured.sendall(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as pool:
        listening.settimeout(10)
        answered = pool.submit(answer, listening)
        yield listening.getsockname()[1]
        answered.result()


def called(authority: Authority, tls: Tls, name: str = NAME) -> int:
    async def run(port: int) -> int:
        target = a_target(url=f"https://{NAME}:{port}/calls", allow_private=True, tls=tls)
        async with aclosing(HttpClient(resolver=FakeResolver(**{NAME: ["127.0.0.1"]}))) as http:
            return (await WebhookCaller(http).call(target, message_id="c1", body=b"{}", sent_at=NOON)).status

    with server(authority, name) as port:
        return asyncio.run(run(port))


class TestWebhooks:
    def test_each_side_shows_its_certificate(self, authority: Authority) -> None:
        certificate, key = authority.issue("worker.example")
        tls = Tls(ca_file=authority.file, certificate_file=certificate, key_file=key)
        assert called(authority, tls) == 202

    def test_without_one_of_our_own_nothing_is_taken(self, authority: Authority) -> None:
        with pytest.raises(UnreachableError):
            called(authority, Tls(ca_file=authority.file))

    def test_a_server_of_another_authority_or_name_gets_nothing(self, authority: Authority, tmp_path: Path) -> None:
        certificate, key = authority.issue("worker.example")
        stranger = Tls(ca_file=Authority(tmp_path).file, certificate_file=certificate, key_file=key)
        with pytest.raises(UnreachableError, match="CERTIFICATE_VERIFY_FAILED"):
            called(authority, stranger)
        ours = Tls(ca_file=authority.file, certificate_file=certificate, key_file=key)
        with pytest.raises(UnreachableError, match="CERTIFICATE_VERIFY_FAILED"):
            called(authority, ours, "another.example")


class TestFiles:
    def test_that_are_none_or_do_not_belong_together_are_refused_at_once(
        self, authority: Authority, tmp_path: Path
    ) -> None:
        certificate, key = authority.issue("one.example")
        other = authority.issue("other.example")[1]
        nothing = tmp_path / "nothing.pem"
        nothing.write_text("nothing")
        for files in (
            {"ca_file": tmp_path / "absent.pem"},
            {"ca_file": nothing},
            {"certificate_file": certificate, "key_file": other},
            {"key_file": key},
        ):
            with pytest.raises(TlsFilesError, match="Expected PEM files"):
                Tls(**files)


class TestKafka:
    def target(self, tls: Tls | None, sasl: Sasl | None) -> KafkaTarget:
        return KafkaTarget(name="k", url="kafka://127.0.0.1:9", secrets=(SECRET,), topic="t", tls=tls, sasl=sasl)

    @pytest.mark.parametrize(
        ("with_tls", "sasl", "protocol"),
        [(False, None, "PLAINTEXT"), (True, None, "SSL"), (False, SASL, "SASL_PLAINTEXT"), (True, SASL, "SASL_SSL")],
    )
    def test_the_client_takes_what_it_is_told(
        self, with_tls: bool, sasl: Sasl | None, protocol: str, authority: Authority
    ) -> None:
        tls = Tls(ca_file=authority.file) if with_tls else None

        async def make() -> tuple[str, object, object]:
            producer = AIOKafkaProducer(**security_of(self.target(tls, sasl)))
            await producer.stop()
            client = producer.client
            return client._security_protocol, client._sasl_mechanism, client._ssl_context

        said, mechanism, context = asyncio.run(make())
        assert said == protocol
        assert mechanism == ("SCRAM-SHA-512" if sasl else "PLAIN")
        assert (context is not None) is with_tls

    def test_a_password_is_in_no_repr(self) -> None:
        assert "a-password" not in repr(self.target(None, SASL))

    def test_a_consumer_is_told_the_same(self, authority: Authority) -> None:
        told = security.security_of(Tls(ca_file=authority.file), SASL)
        assert isinstance(told, SASLScram512)
        assert (told.username, told.password, told.use_ssl) == ("triage", "a-password", True)

    def test_no_options_are_no_security(self) -> None:
        assert security.security_of(security.tls_of(asked=False, ca=None, certificate=None, key=None)) is None


def test_files_for_tls_beside_a_url_without_it_are_refused(authority: Authority) -> None:
    tls = Tls(ca_file=authority.file)
    with pytest.raises(BrokerPlaceError, match="Expected tls://host:port"):
        NatsTarget(name="n", url="nats://b", secrets=(SECRET,), subject="s", tls=tls)
    with pytest.raises(BrokerPlaceError, match="Expected amqps://host:port"):
        RabbitTarget(name="r", url="amqp://b", secrets=(SECRET,), routing_key="s", tls=tls)


class Offering:
    """A connection to a NATS server, as far as it tells of TLS."""

    def __init__(self, *, tls: bool) -> None:
        self._server_info = {"tls_required": tls}


def test_nats_in_plain_text_is_not_taken_for_tls() -> None:
    require_tls(Offering(tls=True), ["tls://b"])  # type: ignore[arg-type]
    require_tls(Offering(tls=False), ["nats://b"])  # type: ignore[arg-type]
    with pytest.raises(Error, match="offers no TLS"):
        require_tls(Offering(tls=False), ["tls://b"])  # type: ignore[arg-type]
