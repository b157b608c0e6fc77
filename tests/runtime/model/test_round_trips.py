"""What we read and write means the same to protobuf's own JSON codec."""

from __future__ import annotations

import orjson
import pytest
from google.protobuf import json_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interloom.runtime.model import decode, decode_json
from tests.runtime.model.wire import MESSAGES, documents, model_type, proto_type

INNER = {
    field.message_type.name
    for message in MESSAGES.values()
    for field in message.fields
    if field.message_type
}
OUTER = sorted(set(MESSAGES) - INNER | {"AgentCard", "OAuthFlows", "Task"})
"""The messages that are sent by themselves; the others travel, and are tested, inside them."""

SHORT = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@SHORT
@given(data=st.data())
@pytest.mark.parametrize("name", OUTER)
def test_document_means_the_same_to_us_and_to_protobuf(name: str, data: st.DataObject) -> None:
    """ProtoJSON, with protobuf's json_format as the judge.

    We write what protobuf reads as the original; and protobuf's own writing, by JSON names, by
    proto names, with every default spelled out or left out, is read by us as the original.
    """
    document = data.draw(documents(MESSAGES[name]))
    model, proto = model_type(name), json_format.ParseDict(document, proto_type(name)())

    ours = decode(model, document)

    assert json_format.Parse(ours.to_json(), proto_type(name)()) == proto
    assert decode(model, json_format.MessageToDict(proto)) == ours
    assert decode(model, json_format.MessageToDict(proto, preserving_proto_field_name=True)) == ours
    loud = json_format.MessageToDict(
        proto, always_print_fields_with_no_presence=True, use_integers_for_enums=True
    )
    assert decode(model, loud) == ours
    assert decode_json(model, ours.to_json()).to_json() == ours.to_json()
    assert orjson.loads(ours.to_json()) == ours.to_dict()
