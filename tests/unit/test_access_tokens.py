"""Tokens: what holds, and everything that must not."""

import base64
import json

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from qipan.access import Principal, Role, Signer, Verifier, new_keys
from qipan.contracts.errors import Unauthenticated

SIGNING, VERIFY = new_keys()
PRINCIPAL = Principal(
    sub="sandun.sweep.1",
    name="张三",
    tenant="sandun",
    roles=frozenset({Role.HANDLER}),
    units=frozenset({"sandun/sweep"}),
    cells=frozenset({"330106109001001"}),
)


class Clock:
    def __init__(self) -> None:
        self.at = 1_000_000.0

    def __call__(self) -> float:
        return self.at


def test_a_token_brings_back_its_principal() -> None:
    clock = Clock()
    read = Verifier(VERIFY, now=clock).verify(Signer(SIGNING, clock).token(PRINCIPAL, 60))
    assert (read.sub, read.name, read.tenant) == ("sandun.sweep.1", "张三", "sandun")
    assert (read.roles, read.units, read.cells) == (PRINCIPAL.roles, PRINCIPAL.units, PRINCIPAL.cells)
    assert read.exp == clock.at + 60


def test_a_token_expires_even_when_it_was_seen_before() -> None:
    clock = Clock()
    verifier, token = Verifier(VERIFY, now=clock), Signer(SIGNING, clock).token(PRINCIPAL, 60)
    verifier.verify(token)
    clock.at += 60
    with pytest.raises(Unauthenticated, match="expired"):
        verifier.verify(token)


def _unsigned(claims: dict[str, object], algorithm: str) -> str:
    parts = ({"alg": algorithm, "typ": "JWT"}, claims)
    head, body = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
    return f"{head}.{body}."


def _claims() -> dict[str, object]:
    return {
        "sub": "x",
        "name": "x",
        "tenant": "xihu",
        "roles": ["operator"],
        "units": [],
        "cells": [],
        "aud": "qipan",
        "exp": 9_999_999_999,
    }


@pytest.mark.parametrize(
    "forge",
    [
        lambda good: None,
        lambda good: "",
        lambda good: "not a token",
        lambda good: good[:-4] + ("AAAA" if good[-4:] != "AAAA" else "BBBB"),
        lambda good: _unsigned(_claims(), "none"),
        lambda good: _unsigned(_claims(), "Ed25519"),
        lambda good: jwt.encode(
            {"alg": "HS256"}, _claims(), OctKey.import_key(json.loads(VERIFY)["x"]), algorithms=["HS256"]
        ),
        lambda good: Signer(new_keys()[0]).token(PRINCIPAL, 600),
        lambda good: ".".join(
            [good.split(".")[0], _unsigned(_claims(), "none").split(".")[1], good.split(".")[2]]
        ),
        lambda good: good + "." + "A" * 9000,
    ],
    ids=[
        "none",
        "empty",
        "noise",
        "tampered",
        "unsigned",
        "no-signature",
        "public-key-as-secret",
        "other-key",
        "swapped-claims",
        "huge",
    ],
)
def test_a_forged_token_does_not_hold(forge: object) -> None:
    good = Signer(SIGNING).token(PRINCIPAL, 600)
    verifier = Verifier(VERIFY)
    assert verifier.verify(good).sub == PRINCIPAL.sub
    with pytest.raises(Unauthenticated):
        verifier.verify(forge(good))


def test_a_token_for_another_audience_does_not_hold() -> None:
    token = Signer(SIGNING).token(PRINCIPAL, 600)
    with pytest.raises(Unauthenticated):
        Verifier(VERIFY, audience="another-district").verify(token)


def test_what_is_remembered_is_bounded_and_the_forgotten_still_holds() -> None:
    signer, verifier = Signer(SIGNING), Verifier(VERIFY, remember=3)
    tokens = [signer.token(PRINCIPAL, 600 + n) for n in range(10)]
    for token in tokens:
        verifier.verify(token)
    assert len(verifier._held) == 3
    assert verifier.verify(tokens[0]).sub == PRINCIPAL.sub


def test_a_key_that_is_none_says_which_setting_is_wrong() -> None:
    with pytest.raises(ValueError, match="QIPAN_VERIFY_KEY"):
        Verifier("nonsense")
    with pytest.raises(ValueError, match="QIPAN_SIGNING_KEY"):
        Signer(VERIFY)
