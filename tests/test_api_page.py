"""docs/reference/python-api.md keeps up with what the package offers."""

import inspect
import re
from pathlib import Path

import pytest

import grutext
from grutext import errors
from grutext.inference import Answer

PAGE = (Path(__file__).parents[1] / "docs/reference/python-api.md").read_text(encoding="utf-8")
METHODS = [name for name, _ in inspect.getmembers(grutext.Classifier, callable) if not name.startswith("_")]


def signature(name):
    """A call as the page shows it: names and defaults, without types and `self`."""
    parameters = inspect.signature(getattr(grutext.Classifier, name)).parameters.values()
    shown = [one.replace(annotation=inspect.Parameter.empty) for one in parameters if one.name != "self"]
    call = str(inspect.Signature(shown))
    return f"`Classifier.load{call}`" if name == "load" else f"`{name}{call}`"


@pytest.mark.parametrize("name", [name for name in grutext.__all__ if name != "__version__"])
def test_every_public_name_has_a_section(name):
    assert f"\n## grutext.{name}\n" in PAGE


@pytest.mark.parametrize("name", METHODS)
def test_every_method_of_a_classifier_is_in_the_page_with_its_arguments(name):
    assert f"| {signature(name)} |" in PAGE


@pytest.mark.parametrize("name", ["train", "TrainingData", "TrainingTarget"])
def test_the_arguments_of_training_are_in_the_page(name):
    (shown,) = re.findall(rf"^`(?:grutext\.)?{name}\((.*)\)`", PAGE, flags=re.MULTILINE)
    names = [one.partition("=")[0] for one in shown.split(", ") if one != "*"]
    assert names == list(inspect.signature(getattr(grutext, name)).parameters)


def test_every_attribute_of_an_outcome_is_in_the_page():
    from grutext.training.train import TrainingOutcome

    public = [name for name in dir(TrainingOutcome) if not name.startswith("_")]
    assert public
    for name in public:
        assert f"`{name}`" in PAGE, name


def test_every_attribute_of_an_answer_is_in_the_page():
    for name in Answer.__slots__:
        assert f"`{name}`" in PAGE, name


@pytest.mark.parametrize(
    "kind",
    [kind for kind in errors.GrutextError.__subclasses__() if kind.__module__ == errors.__name__],
    ids=lambda kind: kind.__name__,
)
def test_every_error_is_in_the_page(kind):
    assert f"| `{kind.__name__}` |" in PAGE
