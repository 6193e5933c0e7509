"""A pytest plugin that puts the project's GRU in the place of Keras', and keeps the tests that use it."""

import inspect

import keras.src.layers

from grutext.encoder import GRU

RUNS = []


class CountedGRU(GRU):
    """The GRU under test, which counts the runs of its own recurrence."""

    def run(self, *args, **kwargs):
        RUNS.append(self.name)
        return super().run(*args, **kwargs)


def pytest_configure():
    keras.saving.register_keras_serializable("grutext.tests")(CountedGRU)
    keras.src.layers.GRU = CountedGRU


def pytest_collection_modifyitems(items):
    items[:] = [
        item for item in items if "layers.GRU" in inspect.getsource(item.function).replace("GRUCell", "")
    ]


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"runs of the own recurrence: {len(RUNS)}")
