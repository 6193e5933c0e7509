"""A model's predictions for labelled texts, and what follows from them: report, mistakes, abstention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grutext.data import Example
from grutext.evaluation.abstention import selective_risk
from grutext.evaluation.decisions import Decisions
from grutext.evaluation.diagnostics import Diagnostics, diagnose
from grutext.evaluation.metrics import build_report
from grutext.evaluation.out_of_scope import out_of_scope_labels
from grutext.evaluation.report import Report
from grutext.inference import Classifier
from grutext.inference.answers import FAMILIARITY_DECIMALS, round_numbers


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model predicts for one labelled text.

    Attributes:
        example: The text and its true labels.
        labels: The predicted label; any number of labels where a text may have several.
        confidence: The probability of the label; where a text may have several, the largest probability.
        loss: The negative log-likelihood of the true labels in nats: high where the model is far off.
        is_right: Whether the predicted labels are the true ones.
    """

    example: Example
    labels: tuple[str, ...]
    confidence: float
    loss: float
    is_right: bool


@dataclass(frozen=True)
class Predictions:
    """The predictions of a model for N labelled texts.

    Attributes:
        model: The model.
        examples: The texts and their true labels.
        probabilities: `(N, C) float32`, in the order of the model's labels.
    """

    model: Classifier = field(repr=False)
    examples: Sequence[Example] = field(repr=False)
    probabilities: NDArray[np.float32] = field(repr=False)

    @classmethod
    def of(cls, model: Classifier, examples: Sequence[Example]) -> Predictions:
        """Return the predictions of a model for labelled texts."""
        return cls(model, examples, model.predict_proba([example.text for example in examples]))

    @property
    def truth(self) -> list[tuple[str, ...]]:
        """The true labels of each text."""
        return [example.labels for example in self.examples]

    @cached_property
    def decisions(self) -> Decisions:
        """Truth and prediction side by side.

        Raises:
            DataError: There are no texts, or a text does not have exactly one label and the model gives one.
        """
        return Decisions.compare(
            self.truth,
            self.probabilities,
            self.model.labels,
            multilabel=self.model.multilabel,
            thresholds=self.model.thresholds,
        )

    @cached_property
    def report(self) -> Report:
        """The metrics.

        Raises:
            DataError: There are no texts, or a text does not have exactly one label and the model gives one.
            MissingExtraError: scikit-learn is not installed.
        """
        return build_report(self.decisions)

    def worst_first(self) -> list[Prediction]:
        """Return each prediction: the wrong ones, the most confident first, then the right ones, the least confident first.

        Where a text may have several labels, the highest loss is first in both.
        """
        model = self.model
        decided = model.decide(self.probabilities)
        confidence = round_numbers(model.confidence(self.probabilities))
        losses, is_right = self.decisions.text_losses, self.decisions.correct
        # By loss, all texts whose label the model cannot know would be first.
        wrong_by = np.zeros_like(losses) if model.multilabel else np.where(is_right, 0.0, -confidence)
        return [
            Prediction(
                self.examples[n],
                (decided[n],) if isinstance(decided[n], str) else tuple(decided[n]),
                float(confidence[n]),
                float(losses[n]),
                bool(is_right[n]),
            )
            for n in np.lexsort((-losses, wrong_by, is_right))
        ]

    def diagnose(self) -> Diagnostics:
        """Measure everything that can be said of the predictions.

        Raises:
            DataError: As `decisions`.
            MissingExtraError: scikit-learn is not installed.
        """
        texts, familiarity = [example.text for example in self.examples], None
        if out_of_scope_labels(self.decisions) and self.model.bundle.calibration.familiarity:
            familiarity = self.model.familiarity(texts)
        return diagnose(self.decisions, [len(text) for text in texts], familiarity)

    def abstain(self, below: float | None, familiar_above: float | None) -> dict[str, Any]:
        """Return coverage and error rate if some texts are left to a person, as `selective_risk` does.

        Args:
            below: The confidence from which a text is answered; None: any.
            familiar_above: The familiarity from which a text is answered; None: any.

        Raises:
            BundleError: `familiar_above` is given, and the model has no familiarity.
        """
        familiar = None
        if familiar_above is not None:
            texts = [example.text for example in self.examples]
            familiar = round_numbers(self.model.familiarity(texts), FAMILIARITY_DECIMALS)
        confidence = round_numbers(self.model.confidence(self.probabilities))
        return selective_risk(confidence, self.decisions.correct, below, familiar, familiar_above)
