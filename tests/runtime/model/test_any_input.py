"""Whatever JSON a peer sends is read, or refused with the field's path."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from interloom.runtime.errors import BadParams
from interloom.runtime.model import SendMessageRequest, decode, decode_json
from interloom.runtime.values import Json

_SOUP = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["message", "parts", "role", "messageId", "text", "data", "metadata"]),
            inner,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=100, deadline=None)
@given(soup=_SOUP)
def test_any_json_is_read_or_refused_with_a_path(soup: Json) -> None:
    """`ours`: nothing a peer sends raises anything else; what is read can be written."""
    document: dict[str, Json] = {"message": soup}
    refusal: BadParams | None = None
    try:
        written = decode(SendMessageRequest, document).to_json()
    except BadParams as refused:
        refusal = refused
    else:
        assert decode_json(SendMessageRequest, written).to_json() == written
    assert refusal is None or all(
        violation.field.startswith("message") for violation in refusal.violations
    )
