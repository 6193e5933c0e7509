"""The bodies of requests and answers, as the OpenAPI document describes them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, model_validator

Probability = Annotated[float, Field(ge=0, le=1)]


def _take_whole_float(value: Any) -> Any:
    """Return a float without a fraction as an int: in JSON, 3.0 is an integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Asked(BaseModel):
    """What requests have in common; a field that does not exist is an error, because it may be a misspelt one."""

    model_config = ConfigDict(extra="forbid", strict=True)

    texts: list[str] = Field(
        description="The texts; each may have any length, and may be empty.",
        fail_fast=True,  # millions of wrong entries would take seconds and gigabytes
    )
    model: str | None = Field(None, description="The name of the model; by default the first one.")


class ClassifyRequest(Asked):
    """Texts to label."""

    top_k: Annotated[int, BeforeValidator(_take_whole_float)] = Field(
        3, ge=1, description="The number of labels in `top`; all if there are fewer."
    )
    abstain_below: Probability | None = Field(
        None, description="Leave a text to a person if its confidence is below this."
    )
    familiar_above: FiniteFloat | None = Field(
        None, description="Leave a text to a person if its familiarity is below this."
    )
    familiarity: bool = Field(
        False, description="Whether to add how much each text is like the training texts."
    )

    explain: bool = Field(
        False,
        description="Whether to add how much each word of a text speaks for its label; takes several times as long.",
    )
    gates: bool = Field(False, description="Whether to add the gates of the GRU along each text.")


class EncodeRequest(Asked):
    """Texts to encode."""


class SessionMessage(BaseModel):
    """A message of a session, with exactly one of its fields."""

    model_config = ConfigDict(extra="forbid", strict=True)

    push: str | None = None
    finish: Literal[True] | None = None
    state: Literal[True] | None = None
    resume: str | None = None

    @model_validator(mode="after")
    def _check_one(self) -> SessionMessage:
        if len(self.model_fields_set) != 1:
            raise ValueError("a message has one of push, finish, state and resume")
        return self


class Model(BaseModel):
    """Which model answered."""

    name: str
    version: str = Field(description="When the model was trained, ISO 8601.")
    hash: str = Field(description="SHA-256 over all values and weights: the `checksum` in `model.json`.")


class LabelProbability(BaseModel):
    """A label and its probability."""

    label: str
    probability: Probability


class Word(BaseModel):
    """A word of a text, and what it adds to the logit of the label."""

    text: str
    start: int = Field(description="Where it begins in the text, in code points.")
    end: int
    contribution: float


class Explanation(BaseModel):
    """What the words of a text add to the logit of a label; the bias and all contributions sum to the logit."""

    label: str
    logit: float
    bias: float
    words: list[Word]


class DirectionGates(BaseModel):
    """What the GRU does at each token in one direction: means over its units."""

    update: list[float] = Field(description="How much of the state before stays.")
    reset: list[float] = Field(description="How much of the state before the candidate sees.")
    norm: list[float] = Field(description="The norm of the state.")


class Gates(BaseModel):
    """The gates of the last layer along a text."""

    tokens: list[str]
    forward: DirectionGates | None = None
    backward: DirectionGates | None = None


class Result(BaseModel):
    """The answer for one text, with the keys of `grutext classify --json`."""

    label: str | list[str] | None = Field(
        description="The label; a list where a text may have several; null if the text is left to a person."
    )
    confidence: Probability = Field(
        description="The probability of the label; where a text may have several, the largest probability."
    )
    abstained: bool = Field(
        default=False, description="Only if `abstain_below` or `familiar_above` was given."
    )
    familiarity: float = Field(default=0, description="Only if it was asked for.")
    top: list[LabelProbability] = Field(description="The likeliest labels, the likeliest first.")
    explanation: Explanation | None = Field(None, description="Only if it was asked for.")
    gates: Gates | None = Field(None, description="Only if they were asked for.")


class ClassifyResponse(BaseModel):
    """The answers, in the order of the texts."""

    model: Model
    results: list[Result]


class EncodeResponse(BaseModel):
    """The vectors, in the order of the texts; of an empty text it is zero."""

    model: Model
    vectors: list[list[float]]


class Gap(BaseModel):
    """A gap with which a session is decided early."""

    gap: Probability = Field(
        description="The largest share of texts whose label was wrong when it was decided and right at the end."
    )
    words_read: Probability = Field(description="The share of the words that was read on the dev set.")


class ModelDescription(Model):
    """A model and what it can do."""

    labels: list[str]
    multilabel: bool = Field(description="Whether a text may have several labels, or none.")
    encodes: bool = Field(description="Whether `/v1/encode` works.")
    streams: bool = Field(description="Whether it answers while a text is still coming.")
    early: list[Gap] = Field(
        description="The gaps with which a session at `/v1/stream` can be decided early."
    )
    familiarity: bool = Field(description="Whether it knows how much a text is like its training texts.")


class ModelsResponse(BaseModel):
    """All models; the first one is the default."""

    models: list[ModelDescription]


class StatusResponse(BaseModel):
    """The state of the server."""

    status: str


class ErrorResponse(BaseModel):
    """What is wrong, in one line."""

    error: str
