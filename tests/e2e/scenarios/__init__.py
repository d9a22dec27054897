"""What a governance centre lives through, told through HTTP alone: a file a scenario, each a function `play`.

`tests/e2e/test_scenarios.py` plays every one in a town that the core serves and in a town with a dispatch of its own.
"""
