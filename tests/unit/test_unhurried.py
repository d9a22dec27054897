"""A service that nobody waits for lingers for larger batches, and is otherwise as careful."""

from dataclasses import replace

import pytest

from qipan.messaging.consumer import Policy
from qipan.messaging.service import policy_of
from services.analytics.service import Analytics
from services.dispatch.service import Dispatch
from services.intake.service import Intake
from services.notify.service import Notify

GIVEN = Policy(batch_size=50, linger=0.02, delays_ms=(1, 2), inbox=False)


@pytest.mark.parametrize("service", [Analytics, Notify])
def test_what_counts_and_tells_takes_its_time(service: type) -> None:
    assert policy_of(service, GIVEN) == replace(GIVEN, batch_size=200, linger=0.1)


@pytest.mark.parametrize("service", [Intake, Dispatch])
def test_what_people_wait_for_does_not(service: type) -> None:
    assert policy_of(service, GIVEN) == GIVEN


def test_a_towns_own_is_as_patient_as_the_cores() -> None:
    class Own(Analytics):
        pass

    assert policy_of(Own, GIVEN).linger > GIVEN.linger
