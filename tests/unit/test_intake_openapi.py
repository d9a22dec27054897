"""The published description of the door is the door's own."""

import json

from qipan import generated
from qipan.http.openapi import as_text
from services.intake import openapi
from services.intake.reference import PAGE
from services.intake.web import ROUTES


def test_the_published_document_is_current() -> None:
    assert generated.is_current(PAGE, as_text(openapi.document(ROUTES))), (
        "run python -m services.intake.reference"
    )


def test_every_reference_in_it_leads_somewhere() -> None:
    text = json.dumps(openapi.document(ROUTES))
    schemas = json.loads(text)["components"]["schemas"]
    referred = {piece.partition('"')[0] for piece in text.split("#/components/schemas/")[1:]}
    assert referred <= schemas.keys()
