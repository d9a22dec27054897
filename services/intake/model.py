"""A model that says what a report is about: made by `services.intake.learning`, asked with numpy alone.

Its file is numpy's archive of plain arrays and a JSON header; opening one cannot run code, and one that was
changed after it was made is refused.
"""

import json
import os
import zipfile
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from services.intake.grams import grams

FORMAT = 1
MOST_REASONS = 5
MOST_LIKELY = 3

Floats = NDArray[np.float32]


class ModelFault(Exception):
    """A file is not a model that can be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Guess:
    """What a model thinks: matters with their probabilities (0 to 1), likeliest first.

    `reasons`: the runs of characters that spoke most for the first of them, and none other.
    """

    likely: tuple[tuple[str, float], ...]
    reasons: tuple[str, ...]
    version: str

    @property
    def matter(self) -> str:
        """The likeliest matter."""
        return self.likely[0][0]

    @property
    def confidence(self) -> float:
        """Its probability."""
        return self.likely[0][1]


@dataclass(frozen=True, slots=True)
class About:
    """Where a model comes from: whose cases, learned when (UTC), from how many rows of each matter."""

    tenant: str
    trained_at: datetime
    rows: Mapping[str, int]


@dataclass(frozen=True, eq=False)
class Model:
    """Weights of runs of characters (rows) for matters (columns).

    `temperature` divides the scores before they become probabilities, so that these are as often right as they
    say; it is fitted on rows that the weights were not learned from.
    """

    about: About
    matters: tuple[str, ...]
    runs: tuple[str, ...]
    rarity: Floats
    weights: Floats
    bias: Floats
    temperature: float
    version: str = ""
    _index: Mapping[str, int] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", {run: number for number, run in enumerate(self.runs)})

    def features(self, text: str) -> tuple[NDArray[np.intp], Floats]:
        """The rows that a text touches and its weight in each: damped counts × rarity, of length 1."""
        return features(text, self._index, self.rarity)

    def guess(self, text: str, allowed: AbstractSet[str] | None = None) -> Guess | None:
        """What the text is about, among `allowed` (None: all); None when it says nothing that is known."""
        rows, values = self.features(text)
        if not len(rows):
            return None
        touched = self.weights[rows]
        scores = (values @ touched + self.bias) / self.temperature
        chances = np.exp(scores - scores.max())
        chances /= chances.sum()
        # The best few first; a tenant may know fewer matters than were learned.
        order = [
            column
            for column in np.argsort(-chances, kind="stable")
            if allowed is None or self.matters[column] in allowed
        ][:MOST_LIKELY]
        if not order:
            return None
        spoke = values * (touched[:, order[0]] - touched.mean(axis=1))
        likely = tuple((self.matters[column], round(float(chances[column]), 4)) for column in order)
        return Guess(likely, self._reasons(rows, spoke), self.version)

    def _reasons(self, rows: NDArray[np.intp], spoke: Floats) -> tuple[str, ...]:
        told: list[str] = []
        for place in np.argsort(-spoke, kind="stable")[: 4 * MOST_REASONS]:
            run = self.runs[rows[place]].strip()
            if spoke[place] <= 0 or len(told) == MOST_REASONS:
                break
            if run and not any(run in other for other in told):
                told = [other for other in told if other not in run] + [run]
        return tuple(told)

    def sealed(self) -> Self:
        """The same model with its version: whose, when, and the beginning of its digest."""
        digest = self._digest()
        about = self.about
        return replace(self, version=f"{about.tenant}-{about.trained_at:%Y%m%dT%H%M%SZ}-{digest[:8]}")

    def to_bytes(self) -> bytes:
        """The file."""
        header = {**self._header(), "version": self.version, "digest": self._digest()}
        out = BytesIO()
        np.savez_compressed(out, header=_bytes(json.dumps(header, ensure_ascii=False)), **self._arrays())
        return out.getvalue()

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        beside.write_bytes(self.to_bytes())
        beside.replace(path)

    def _header(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "tenant": self.about.tenant,
            "trained_at": self.about.trained_at.astimezone(UTC).isoformat(),
            "rows": dict(self.about.rows),
            "matters": list(self.matters),
            "temperature": self.temperature,
        }

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {
            "runs": _bytes("\n".join(self.runs)),
            "rarity": self.rarity,
            "weights": self.weights,
            "bias": self.bias,
        }

    def _digest(self) -> str:
        seal = sha256(json.dumps(self._header(), sort_keys=True, ensure_ascii=False).encode())
        for name, array in sorted(self._arrays().items()):
            seal.update(f"{name} {array.dtype} {array.shape}".encode())
            seal.update(np.ascontiguousarray(array).tobytes())
        return seal.hexdigest()


def features(text: str, index: Mapping[str, int], rarity: Floats) -> tuple[NDArray[np.intp], Floats]:
    """A text as a sparse row: where it is not zero, and its values there (Euclidean length 1)."""
    found = [(index[run], count) for run, count in grams(text).items() if run in index]
    if not found:
        return np.empty(0, np.intp), np.empty(0, np.float32)
    rows, counts = zip(*found, strict=True)
    where = np.array(rows, np.intp)
    values = (1 + np.log(np.array(counts, np.float32))) * rarity[where]
    return where, values / np.linalg.norm(values)


def read_model(path: Path) -> Model:
    """The model in a file. ModelFault when it is none, is damaged, or needs a newer Qipan."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        header = json.loads(arrays["header"].tobytes())
        if header["format"] != FORMAT:
            raise ModelFault(
                f"{path}: has format {header['format']}, and this Qipan reads {FORMAT}; train it anew"
            )
        model = Model(
            about=About(header["tenant"], datetime.fromisoformat(header["trained_at"]), header["rows"]),
            matters=tuple(header["matters"]),
            runs=tuple(arrays["runs"].tobytes().decode().split("\n")),
            rarity=arrays["rarity"],
            weights=arrays["weights"],
            bias=arrays["bias"],
            temperature=float(header["temperature"]),
            version=header["version"],
        )
        known = (len(model.runs), len(model.matters))
        if model.weights.shape != known or model.rarity.shape != known[:1] or model.bias.shape != known[1:]:
            raise ModelFault(f"{path}: its tables do not fit together; train it anew")
        if model._digest() != header["digest"]:
            raise ModelFault(f"{path}: was changed after it was made; train it anew")
    except ModelFault:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise ModelFault(f"{path}: is no model ({error}); `qipan classify train` makes one") from error
    return model


def _bytes(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode(), np.uint8)
