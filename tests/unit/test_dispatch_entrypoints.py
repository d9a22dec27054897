"""Dispatch is put together from groups of entrypoints: none may take away what another has."""

from collections import defaultdict

from services.dispatch.acting import Acting
from services.dispatch.service import Dispatch


def names_of_several(kind: type) -> dict[str, list[str]]:
    """Names that more than one of a class's bases defines; what fills a port of `Acting`'s is none."""
    found: dict[str, list[str]] = defaultdict(list)
    for base in kind.__mro__[1:-1]:
        if base is Acting:
            continue
        for name in vars(base):
            if not name.startswith("__"):
                found[name].append(base.__name__)
    return {name: bases for name, bases in found.items() if len(bases) > 1}


def test_no_group_of_entrypoints_hides_anothers_methods():
    assert names_of_several(Dispatch) == {}


def test_it_would_be_seen():
    class One:
        def _said(self) -> None: ...

    class Two:
        def _said(self) -> None: ...

    assert names_of_several(type("Both", (One, Two), {})) == {"_said": ["One", "Two"]}
