"""What the compiled descriptors say of a message, and JSON documents made from nothing else."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

from interloom.protos import a2a_pb2
from interloom.runtime import model
from interloom.runtime.values import Json

MESSAGES = dict(a2a_pb2.DESCRIPTOR.message_types_by_name)
ENUMS = dict(a2a_pb2.DESCRIPTOR.enum_types_by_name)

REQUIRED = b"\xe2\x41\x01\x02"
"""google.api.field_behavior (extension 1052, packed) holding REQUIRED (2)."""

MAY_BE_EMPTY = frozenset(
    {
        "AgentCard.description",
        "AgentCard.default_input_modes",
        "AgentCard.default_output_modes",
        "AgentCard.skills",
        "AgentSkill.description",
        "AgentSkill.tags",
        "AuthorizationCodeOAuthFlow.scopes",
        "ClientCredentialsOAuthFlow.scopes",
        "DeviceCodeOAuthFlow.scopes",
        "ListTasksResponse.tasks",
        "ListTasksResponse.next_page_token",
        "ListTasksResponse.page_size",
        "ListTasksResponse.total_size",
    }
)
"""REQUIRED fields that are written when empty and need not be there when read.

Source: A2A 8.4.1 (`description`, `skills`), 3.1.4 (`nextPageToken`, and a page may have no tasks),
RFC 6749 3.3 (scopes are optional); `ours` for the others, whose like they are.
"""


def model_type(name: str) -> type[model.WireModel]:
    found = getattr(model, name)
    assert isinstance(found, type)
    assert issubclass(found, model.WireModel)
    return found


def proto_type(name: str) -> type[Message]:
    return GetMessageClass(MESSAGES[name])


def is_required(field: FieldDescriptor) -> bool:
    return REQUIRED in field.GetOptions().SerializeToString()


def may_be_empty(field: FieldDescriptor) -> bool:
    return field.full_name.removeprefix("lf.a2a.v1.") in MAY_BE_EMPTY


def is_map(field: FieldDescriptor) -> bool:
    return bool(field.message_type and field.message_type.GetOptions().map_entry)


def oneofs(message: Descriptor) -> dict[str, list[str]]:
    """The oneofs somebody wrote; `optional` makes one of its own for each field."""
    return {
        oneof.name: [field.name for field in oneof.fields]
        for oneof in message.oneofs
        if not oneof.name.startswith("_")
    }


# ---- Documents -----------------------------------------------------------------------------------

_NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
_ANYTHING: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | _NUMBERS | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
_MOMENTS = st.datetimes(min_value=datetime(1, 1, 1)).map(  # noqa: DTZ001 - Z is appended
    lambda moment: moment.isoformat(timespec="milliseconds") + "Z"
)
_WELL_KNOWN: dict[str, st.SearchStrategy[Json]] = {
    "google.protobuf.Struct": st.dictionaries(st.text(max_size=5), _ANYTHING, max_size=3),
    "google.protobuf.Value": _ANYTHING,
    "google.protobuf.Timestamp": _MOMENTS,
}


def _leaf(field: FieldDescriptor, *, empty: bool) -> st.SearchStrategy[Json]:
    """One value; with `empty`, the type's zero is allowed."""
    if field.message_type:
        known = _WELL_KNOWN.get(field.message_type.full_name)
        return known if known is not None else documents(field.message_type)
    if field.enum_type:
        return st.sampled_from([value.name for value in field.enum_type.values if value.number])
    match field.type:
        case FieldDescriptor.TYPE_BOOL:
            return st.booleans()
        case FieldDescriptor.TYPE_INT32:
            return st.integers(-(2**31), 2**31 - 1)
        case FieldDescriptor.TYPE_BYTES:
            return st.binary(max_size=5).map(lambda raw: b64encode(raw).decode())
        case _:
            return st.text(min_size=0 if empty else 1, max_size=5)


def _value(field: FieldDescriptor) -> st.SearchStrategy[Json]:
    empty = may_be_empty(field) or not is_required(field)
    if is_map(field):
        assert field.message_type
        inner = _leaf(field.message_type.fields_by_name["value"], empty=True)
        return st.dictionaries(st.text(max_size=5), inner, max_size=2)
    if field.is_repeated:
        return st.lists(_leaf(field, empty=True), min_size=0 if empty else 1, max_size=2)
    return _leaf(field, empty=empty)


def documents(message: Descriptor) -> st.SearchStrategy[dict[str, Json]]:
    """JSON objects that the specification calls valid for the message."""
    members = {name for names in oneofs(message).values() for name in names}
    required: dict[str, st.SearchStrategy[Json]] = {}
    optional: dict[str, st.SearchStrategy[Json]] = {}
    for field in message.fields:
        if field.name not in members:
            (required if is_required(field) else optional)[field.json_name] = _value(field)
    plain = st.fixed_dictionaries(required, optional=optional)
    if not members:
        return plain
    chosen = st.one_of(
        [
            st.fixed_dictionaries({field.json_name: _value(field)})
            for field in message.fields
            if field.name in members
        ]
    )
    return st.tuples(plain, chosen).map(lambda both: both[0] | both[1])
