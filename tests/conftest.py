from collections import Counter

import pytest

pytest_plugins = ("qipan.testing",)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share an id would run only once when they are spread over processes."""
    shared = [id for id, count in Counter(item.nodeid for item in items).items() if count > 1]
    if shared:
        raise pytest.UsageError(f"several tests are called {', '.join(shared)}")
