from __future__ import annotations

import pytest

from routing.dispatch.errors import SecretError, TargetUrlError
from tests.routing.dispatch.fakes import a_target


class TestTarget:
    @pytest.mark.parametrize(
        ("url", "host", "port"),
        [
            ("https://orchestrator.example/calls", "orchestrator.example", 443),
            ("http://orchestrator.example", "orchestrator.example", 80),
            ("http://127.0.0.1:8081/calls?tenant=1", "127.0.0.1", 8081),
            ("https://[2001:db8::1]:8443/", "2001:db8::1", 8443),
        ],
    )
    def test_host_and_port_are_read_from_the_url(self, url: str, host: str, port: int) -> None:
        target = a_target(url=url)
        assert (target.host, target.port) == (host, port)

    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            ("ftp://orchestrator.example/", "has the scheme 'ftp'"),
            ("file:///etc/passwd", "has the scheme 'file'"),
            ("orchestrator.example/calls", "has the scheme ''"),
            ("https:///calls", "has no host"),
            ("https://orchestrator.example:0/", "has port 0"),
            ("https://orchestrator.example:99999/", "is not a URL"),
            ("https://[::1/", "is not a URL"),
        ],
    )
    def test_a_url_we_do_not_call_is_refused(self, url: str, reason: str) -> None:
        with pytest.raises(TargetUrlError, match=reason.replace("'", ".")):
            a_target(url=url)

    @pytest.mark.parametrize("host", ["tms.example", "10.0.0.7", "[fd00::7]", "localhost.example"])
    def test_a_token_is_not_sent_where_everybody_between_reads_it(self, host: str) -> None:
        with pytest.raises(TargetUrlError, match="would send the authorization header without TLS") as caught:
            a_target(url=f"http://{host}/calls", authorization="Bearer t-1")
        assert "t-1" not in str(caught.value)
        a_target(url=f"http://{host}/calls")
        a_target(url=f"https://{host}/calls", authorization="Bearer t-1")

    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
    def test_it_is_on_this_machine(self, host: str) -> None:
        a_target(url=f"http://{host}:4200/api", authorization="Bearer t-1")

    def test_credentials_in_the_url_are_refused_and_not_repeated(self) -> None:
        with pytest.raises(TargetUrlError, match="holds credentials") as caught:
            a_target(url="https://dana:hunter2@orchestrator.example/calls?token=hunter2")
        assert "hunter2" not in str(caught.value)

    def test_a_target_without_secret_is_refused(self) -> None:
        with pytest.raises(SecretError, match="orchestrator"):
            a_target(secrets=())

    def test_its_secrets_are_in_no_repr(self) -> None:
        assert "kkkk" not in repr(a_target())
