"""A later call that was sent and not answered may have arrived: an older dead letter does not follow it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from serving.worker import dead_letters
from serving.worker.outbox import SqlOutbox
from tests.serving.bundles import changed
from tests.serving.effects.calls import acting, claimed, delivered
from tests.serving.house import House, delivery
from tests.serving.messages.test_messages import told


@pytest.mark.parametrize("was_sent", [True, False])
def test_a_dead_letter_does_not_follow_what_may_have_arrived(any_url: str, was_sent: bool) -> None:
    with House(any_url, changed(acting)) as house:
        (first,) = told(house, "SH-1", customer_tier="critical", value_minor=500_000, risk=0.49)
        outbox, now = SqlOutbox(house.engine), house.clock.now()
        (call,) = claimed(house)
        assert outbox.dead(call, reason="HTTP 400", now=now)
        house.send(delivery("E-1", "loaded"))
        assert house.decided("SH-1", risk=0.9)["branch"] == "escalate"
        (later,) = claimed(house)
        if was_sent:
            assert outbox.retry_at(later, at=now + timedelta(minutes=1), reason="HTTP 503", now=now)
            with pytest.raises(dead_letters.OvertakenError, match=f"{later.call_id}.* is pending"):
                dead_letters.replay(house.engine, first, actor="dana", now=now)
        else:
            assert outbox.release(later, now=now)
            dead_letters.replay(house.engine, first, actor="dana", now=now)
            assert delivered(house) == [first]
