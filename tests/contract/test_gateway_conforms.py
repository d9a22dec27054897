"""Whatever is sent to the gateway, it answers as its description says, and never with an error of its own."""

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from qipan.access import Role, Verifier
from qipan.observability.health import Health
from qipan.tenancy import load_district
from services.gateway.parts import Parts
from services.gateway.routes import ROUTES
from services.gateway.web import create_app
from tests.contract.golden_samples import data
from tests.unit.test_gateway_routes import VERIFY, Calls, bearer

DISTRICT = load_district(Path(__file__).parents[2] / "districts/xihu")


class Answering(Calls):
    """Answers every request with a value of its answer's model."""

    def submit(self, request: Any, **options: Any) -> Any:
        model = request.answer_model()
        self.answer = model.model_validate(data(model))
        return super().submit(request, **options)


PARTS: Any = Parts(
    district=DISTRICT,
    verifier=Verifier(VERIFY),
    sessions=None,
    caller=Answering(),
    door=None,
    live=None,
    inbox=None,
)
SCHEMA = schemathesis.openapi.from_asgi("/openapi.json", create_app(lambda: PARTS, Health()))


@pytest.mark.parametrize("operation_id", [route.request.__name__ for route in ROUTES])
def test_every_call_conforms(operation_id: str) -> None:
    # Not Schemathesis' own parametrize: it gives all calls one test id, and spread tests then run but once.
    operation = SCHEMA.find_operation_by_id(operation_id)

    @given(case=operation.as_strategy())
    @settings(max_examples=4, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def conforms(case: Any) -> None:
        answer = case.call(headers=bearer("xihu", Role.OPERATOR))
        for check in (
            not_a_server_error,
            status_code_conformance,
            content_type_conformance,
            response_schema_conformance,
        ):
            case.validate_response(answer, checks=[check])

    conforms()
