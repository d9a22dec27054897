"""The reference pages name every key there is."""

from pathlib import Path

import pytest

from qipan.tenancy import dispatch_model, mapping, model
from qipan.tenancy.known_settings import KNOWN

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def undocumented(page: str, *models: type[model.Model]) -> list[str]:
    text = (REFERENCE / page).read_text(encoding="utf-8")
    keys = [(m, field.alias or name) for m in models for name, field in m.model_fields.items()]
    marks = ("`{}`", "`{} = ", "[{}")
    return [f"{m.__name__}.{key}" for m, key in keys if not any(mark.format(key) in text for mark in marks)]


def test_every_key_of_a_pack_is_documented():
    models = [
        found
        for found in vars(model).values()
        if isinstance(found, type) and issubclass(found, model.Model) and found is not model.WordsModel
    ]
    assert len(models) > 10
    assert undocumented("packs.md", *models) == []


def test_every_key_of_rules_and_run_cards_is_documented():
    models = (dispatch_model.DispatchModel, dispatch_model.DispatchRuleModel, dispatch_model.RunCardModel)
    assert undocumented("packs.md", *models, dispatch_model.CrewModel) == []


def test_every_key_of_a_mapping_is_documented():
    models = (mapping.ReplayMapping, mapping.MappedDistrict, mapping.MappedColumns, mapping.MappedCells)
    assert undocumented("replay-mapping.md", *models) == []


@pytest.mark.parametrize("key", KNOWN)
def test_every_setting_of_the_core_is_documented(key: str):
    assert f"`{key}`" in (REFERENCE / "packs.md").read_text(encoding="utf-8")
