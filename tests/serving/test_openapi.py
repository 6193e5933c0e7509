"""The server keeps to its own OpenAPI document, whatever it is asked."""

import pytest

schemathesis = pytest.importorskip("schemathesis")

from hypothesis import Phase, given, settings  # noqa: E402 (after the check that schemathesis is there)
from hypothesis import strategies as st  # noqa: E402
from schemathesis import GenerationMode  # noqa: E402

from grutext.serving import Limits  # noqa: E402

pytestmark = pytest.mark.long


@pytest.mark.parametrize(
    ("mode", "expected"),
    [(GenerationMode.POSITIVE, 200), (GenerationMode.NEGATIVE, 422)],
    ids=["as described", "otherwise"],
)
def test_no_request_gets_an_undocumented_answer_or_breaks_the_server(open_client, mode, expected) -> None:
    """Among others: no 5xx, no other status, type or body than documented, 4xx for what the document forbids."""
    client = open_client(limits=Limits(body=200_000), allow_reload=True)
    schema = schemathesis.openapi.from_asgi("/openapi.json", client.app)
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) == 7
    cases = st.one_of([operation.as_strategy(generation_mode=mode) for operation in operations])
    statuses = set()

    @given(case=cases)
    @settings(max_examples=25, phases=[Phase.generate])
    def check(case) -> None:
        statuses.add(case.call_and_validate().status_code)

    check()
    assert expected in statuses
