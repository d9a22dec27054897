"""Learning what reports are about, and finding out how well.

Only the command line imports this: accepting and triaging a report need no scikit-learn.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_matrix
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from services.intake.classify import Vocabulary
from services.intake.grams import grams, plain
from services.intake.lessons import Lesson
from services.intake.model import About, Floats, Model, features

LEAST_ROWS = 3
"""Rows of a matter below which nothing is learned about it."""

MOST_RUNS = 20_000
LEAST_TEXTS = 2
"""Texts in which a run of characters must occur to be learned about."""

HELD_OUT = 0.2
STRENGTH = 10.0
ROUNDS = 200
BINS = 10
ENOUGH_TO_SHARPEN = 100
"""Held-out rows below which a model is never made surer than its weights are: too few to prove that it may be."""


class TooFew(ValueError):
    """There is too little to learn from; the text says what there is and what is needed."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How well a model does on rows that it has not seen. Shares are 0 to 1; a share of nothing is None.

    `majority`: what naming the commonest matter every time would get. `words`: what the town's words get, and
    `words_answered` the share that they say anything about. `sure`: the share at or above
    `threshold`, and `sure_accuracy` how many of those are right. `calibration_error`: the mean distance between
    what the model says and how often it is right (ten bins, 0: none).
    """

    rows: int
    learned: int
    held_out: int
    matters: int
    left_out: int
    accuracy: float
    top_3: float
    majority: float
    words: float | None
    words_answered: float | None
    words_right_when_answered: float | None
    threshold: float
    sure: float
    sure_accuracy: float | None
    calibration_error: float

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {name: round(v, 4) if isinstance(v, float) else v for name, v in asdict(self).items()}


def train(
    lessons: Sequence[Lesson], tenant: str, now: datetime, *, least_rows: int = LEAST_ROWS, seed: int = 1
) -> Model:
    """A model of all lessons. TooFew where there are not two matters with `least_rows` rows each.

    Its temperature is fitted on a part held out from weights that were learned from the rest.
    """
    kept = usable(lessons, least_rows)
    rest, out = split(kept, HELD_OUT, seed)
    temperature = 1.0
    if out and len({lesson.matter for lesson in rest}) > 1:
        temperature = _temperature(_fit(rest, tenant, now, 1.0), out)
    return _fit(kept, tenant, now, temperature)


def evaluate(
    lessons: Sequence[Lesson],
    vocabulary: Vocabulary | None,
    threshold: float,
    now: datetime,
    *,
    held_out: float = HELD_OUT,
    least_rows: int = LEAST_ROWS,
    seed: int = 1,
) -> Evaluation:
    """Learn from a part and look at the rest. The same text never stands on both sides. TooFew like `train`."""
    kept = usable(lessons, least_rows)
    rest, out = split(kept, held_out, seed)
    if not out:
        raise TooFew(f"{len(kept)} rows leave none to hold out")
    model = train(rest, "evaluation", now, least_rows=1, seed=seed)
    guesses = [model.guess(lesson.text) for lesson in out]
    right = [
        guess is not None and guess.matter == one.matter for guess, one in zip(guesses, out, strict=True)
    ]
    among = [
        guess is not None and one.matter in {matter for matter, _ in guess.likely}
        for guess, one in zip(guesses, out, strict=True)
    ]
    said = np.array([guess.confidence if guess is not None else 0.0 for guess in guesses])
    commonest = Counter(lesson.matter for lesson in rest).most_common(1)[0][0]
    words = [vocabulary.classify(lesson.text).matter for lesson in out] if vocabulary is not None else None
    sure = said >= threshold
    answered = None if words is None else [word is not None for word in words]
    hit = None if words is None else [word == one.matter for word, one in zip(words, out, strict=True)]
    return Evaluation(
        rows=len(kept),
        learned=len(rest),
        held_out=len(out),
        matters=len({lesson.matter for lesson in kept}),
        left_out=len(lessons) - len(kept),
        accuracy=float(np.mean(right)),
        top_3=float(np.mean(among)),
        majority=float(np.mean([one.matter == commonest for one in out])),
        words=None if hit is None else float(np.mean(hit)),
        words_answered=None if answered is None else float(np.mean(answered)),
        words_right_when_answered=(
            float(np.sum(hit) / np.sum(answered)) if hit is not None and np.sum(answered) else None
        ),
        threshold=threshold,
        sure=float(np.mean(sure)),
        sure_accuracy=float(np.mean(np.array(right)[sure])) if sure.any() else None,
        calibration_error=_calibration_error(said, np.array(right)),
    )


def usable(lessons: Sequence[Lesson], least_rows: int) -> list[Lesson]:
    """The lessons of matters that have `least_rows`. TooFew without two such matters."""
    counts = Counter(lesson.matter for lesson in lessons)
    kept = [lesson for lesson in lessons if counts[lesson.matter] >= least_rows]
    matters = len({lesson.matter for lesson in kept})
    if matters < 2:
        raise TooFew(
            f"{len(lessons)} rows of {len(counts)} matters: at least 2 matters with {least_rows} rows each are needed"
        )
    return kept


def split(lessons: Sequence[Lesson], share: float, seed: int) -> tuple[list[Lesson], list[Lesson]]:
    """The lessons to learn from and those held out; all rows of one text go the same way."""
    by_text: dict[str, list[Lesson]] = {}
    for lesson in lessons:
        by_text.setdefault(plain(lesson.text), []).append(lesson)
    order = list(by_text)
    np.random.default_rng(seed).shuffle(order)
    wanted = round(share * len(order))
    out = [lesson for words in order[:wanted] for lesson in by_text[words]]
    return [lesson for words in order[wanted:] for lesson in by_text[words]], out


def _fit(lessons: Sequence[Lesson], tenant: str, now: datetime, temperature: float) -> Model:
    counts = Counter(lesson.matter for lesson in lessons)
    matters = tuple(sorted(counts))
    runs, rarity = _runs(lessons)
    if not runs:
        raise TooFew(f"no run of characters occurs in {LEAST_TEXTS} texts")
    index = {run: number for number, run in enumerate(runs)}
    rows = _rows(lessons, index, rarity)
    column = {matter: number for number, matter in enumerate(matters)}
    learner = LogisticRegression(C=STRENGTH, max_iter=ROUNDS)
    learner.fit(rows, [column[lesson.matter] for lesson in lessons])
    weights, bias = learner.coef_.T, learner.intercept_
    if len(matters) == 2:  # scikit-learn keeps one column for two classes
        weights, bias = np.hstack([-weights / 2, weights / 2]), np.array([-bias[0] / 2, bias[0] / 2])
    return Model(
        about=About(tenant, now, dict(sorted(counts.items()))),
        matters=matters,
        runs=runs,
        rarity=rarity,
        weights=np.ascontiguousarray(weights, np.float32),
        bias=np.asarray(bias, np.float32),
        temperature=temperature,
    ).sealed()


def _runs(lessons: Sequence[Lesson]) -> tuple[tuple[str, ...], Floats]:
    """The runs that are learned about, commonest first, and how rare each is (log of texts per text with it)."""
    within = Counter(run for lesson in lessons for run in grams(lesson.text))
    ranked = sorted(
        (run for run in within if within[run] >= LEAST_TEXTS), key=lambda run: (-within[run], run)
    )
    runs = tuple(ranked[:MOST_RUNS])
    seen = np.array([within[run] for run in runs], np.float32)
    return runs, (np.log((1 + len(lessons)) / (1 + seen)) + 1).astype(np.float32)


def _rows(lessons: Sequence[Lesson], index: dict[str, int], rarity: Floats) -> csr_matrix:
    begins, where, values = [0], [], []
    for lesson in lessons:
        columns, weights = features(lesson.text, index, rarity)
        where.append(columns)
        values.append(weights)
        begins.append(begins[-1] + len(columns))
    shape = (len(lessons), len(index))
    return csr_matrix((np.concatenate(values), np.concatenate(where), np.array(begins)), shape)


def _temperature(model: Model, out: Sequence[Lesson]) -> float:
    """By what the scores are divided so that these rows are least surprising."""
    known = [lesson for lesson in out if lesson.matter in model.matters]
    if not known:
        return 1.0
    rows = _rows(known, {run: number for number, run in enumerate(model.runs)}, model.rarity)
    scores = np.asarray(rows @ model.weights + model.bias, float)
    target = np.array([model.matters.index(lesson.matter) for lesson in known])

    def surprise(logarithm: float) -> float:
        chances = log_softmax(scores / np.exp(logarithm), axis=1)
        return float(-np.mean(chances[np.arange(len(target)), target]))

    least = -3.0 if len(known) >= ENOUGH_TO_SHARPEN else 0.0
    return float(np.exp(minimize_scalar(surprise, bounds=(least, 3.0), method="bounded").x))


def _calibration_error(said: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    bins = np.minimum((said * BINS).astype(int), BINS - 1)
    return float(
        sum(
            abs(said[bins == one].mean() - right[bins == one].mean()) * (bins == one).mean()
            for one in set(bins)
        )
    )
