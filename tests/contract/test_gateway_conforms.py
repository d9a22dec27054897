"""Whatever is sent to the gateway, it answers as its description says, and never with an error of its own."""

from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
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
    district=DISTRICT, verifier=Verifier(VERIFY), sessions=None, caller=Answering(), door=None, live=None
)
SCHEMA = schemathesis.openapi.from_asgi("/openapi.json", create_app(lambda: PARTS, Health()))
CALLS = SCHEMA.include(operation_id=[route.request.__name__ for route in ROUTES])


@CALLS.parametrize()
@settings(max_examples=4, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_call_conforms(case: Any) -> None:
    answer = case.call(headers=bearer("xihu", Role.OPERATOR))
    for check in (
        not_a_server_error,
        status_code_conformance,
        content_type_conformance,
        response_schema_conformance,
    ):
        case.validate_response(answer, checks=[check])
