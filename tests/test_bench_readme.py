"""`scripts/bench readme`: the tables of the README show each figure under its system."""

from benchmarks.readme import read_all, render_accuracies, render_costs


def few(name, system, accuracy, **more):
    return {"set": name, "rows": 300, "cut": 1, "system": system, "accuracy": accuracy} | more


def many(name, system, accuracy, **more):
    names = {"set": name, "system": system, "seed": 1, "preset": None, "multilabel": False}
    return names | {"accuracy": accuracy, "cpu_seconds": 100 * accuracy, "mb": 10 * accuracy} | more


FEW = [
    few("sst2", "svm", 0.1),
    few("sst2", "logreg+static", 0.2),
    few("sst2", "logreg", 0.9),
    few("sst2", "grutext", 0.2, parts={"linear": {"accuracy": 0.9}}),
    few("sst2", "grutext", 0.4, cut=2, parts={"linear": {"accuracy": 0.9}}),
    few("sst2", "grutext+unlabelled", 0.4),
    few("sst2", "grutext", 0.9, rows=1000),
    few("trec6", "grutext", 0.9),
]
MANY = [
    *(many("sst2", system, accuracy) for system, accuracy in (("svm", 0.5), ("fasttext", 0.6), ("grutext", 0.7))),
    many("trec6", "svm", 0.9),
    many("trec6", "grutext", 0.8),
    many("trec6", "grutext", 0.9, preset="fast"),
]  # fmt: skip


def figures(line):
    return line.strip("| ").split(" | ")[1:]


def test_accuracies_stand_under_their_systems_and_means_are_over_complete_sets():
    _, _, sst2, trec6, means = render_accuracies(MANY, FEW).splitlines()
    assert figures(sst2) == ["10.0", "20.0", "30.0", "40.0", "50.0", "60.0", "70.0"]
    assert figures(trec6) == ["–", "–", "90.0", "–", "90.0", "–", "80.0"]
    assert means.startswith("| **mean of 1 sets** |")
    assert figures(means) == figures(sst2)


def test_costs_are_medians_over_the_sets_that_were_measured():
    speed = read_all()[2]
    several = many("reuters90", "grutext", 0.01, multilabel=True)
    lines = render_costs([*MANY, several], speed).splitlines()
    assert figures(lines[-2]) == ["70", "60", "–", "75"]
    assert figures(lines[-1]) == ["7", "6", "–", "8"]
    reviews = next(row["values"] for row in speed if (row["part"], row["name"]) == ("prediction", "imdb"))
    shown = [reviews[name] for name in ("svm", "fasttext", "keras_best", "ours")]
    assert figures(lines[2]) == [f"{value:,.0f}" for value in shown]
