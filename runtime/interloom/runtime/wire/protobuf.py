"""A2A messages between protobuf and JSON values, in converters made once for each message type.

Source: the ProtoJSON mapping that A2A 1.0.1 section 5.5 adopts, restricted to what a2a.proto uses.
protobuf's own `json_format` gives the same values and looks each field up anew for every message;
a test holds the two together.

Both directions lean on what the compiled library does by itself: `ListFields` gives the fields that
are set, and a message is built in one call from nested dicts that carry enum names and, for a
Struct, plain JSON.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Final, TypeAlias, TypeVar, cast

import orjson
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import DecodeError, EncodeError, Message
from google.protobuf.struct_pb2 import Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp

from interloom.runtime.errors import BadRequest, InvalidAgentResponse
from interloom.runtime.values import Json, JsonObject

_Read: TypeAlias = Callable[[object], Json]
"""A field's value in protobuf to its value in JSON."""
_Build: TypeAlias = Callable[[Json], object]
"""A field's value in JSON to what protobuf builds it from."""
_Kind = TypeVar("_Kind", bound=Message)

_NANOS: Final = range(1_000_000_000)
_EPOCH: Final = datetime.fromtimestamp(0, UTC)


def parse(kind: type[_Kind], body: bytes) -> _Kind:
    """Read a message from the wire.

    Raises:
        BadRequest: The bytes are no such message, or nest deeper than protobuf reads.
    """
    try:
        return kind.FromString(body)
    except DecodeError:
        raise BadRequest(f"the request is no {kind.DESCRIPTOR.name}, or nested too deep") from None


def to_json(message: Message) -> dict[str, Json]:
    """A message as ProtoJSON, not encoded; nothing is checked beyond what protobuf checks.

    A number or time that JSON cannot say is passed on as a value that no reader of ours takes, so
    that it is refused under the name of its field.
    """
    return _reader(message.DESCRIPTOR)(message)


def from_json(kind: type[_Kind], data: JsonObject) -> _Kind:
    """Build a message from ProtoJSON as we write it; fields the type does not have are left out.

    Raises:
        ValueError | TypeError | AttributeError: The data is no ProtoJSON of that type.
    """
    return kind(**_builder(kind.DESCRIPTOR)(data))


def encode(kind: type[Message], json: bytes) -> bytes:
    """Encoded A2A JSON, ours, as bytes of protobuf.

    Raises:
        InvalidAgentResponse: protobuf has no bytes for it.
    """
    try:
        return from_json(kind, orjson.loads(json)).SerializeToString()
    except (EncodeError, ValueError, TypeError, AttributeError):
        raise InvalidAgentResponse("the answer cannot be carried by protobuf") from None


# ---- From protobuf to JSON -----------------------------------------------------------------------


@cache
def _reader(message: Descriptor) -> Callable[[Message], dict[str, Json]]:
    # `ListFields` gives the same descriptor objects as long as somebody holds them.
    fields = {field: (field.json_name, _field_reader(field)) for field in message.fields}

    def read(value: Message) -> dict[str, Json]:
        found: dict[str, Json] = {}
        for field, content in value.ListFields():
            name, convert = fields[field]
            found[name] = content if convert is None else convert(content)
        return found

    return read


def _field_reader(field: FieldDescriptor) -> _Read | None:
    entry = _map_entry(field)
    if entry is not None:
        return _table_reader(_value_reader(entry.fields_by_name["value"]))
    convert = _value_reader(field)
    if not field.is_repeated:
        return convert
    return _list_reader(convert)


def _value_reader(field: FieldDescriptor) -> _Read | None:
    """What one value of a field becomes; None where it stays as it is."""
    if field.message_type is not None:
        name = field.message_type.full_name
        return _READS.get(name) or cast("_Read", _reader(field.message_type))
    if field.enum_type is not None:
        return _enum_reader(field.enum_type)
    return _read_bytes if field.type == FieldDescriptor.TYPE_BYTES else None


def _table_reader(convert: _Read | None) -> _Read:
    def read(content: object) -> Json:
        items = cast("Mapping[str, Json]", content).items()
        return {key: value if convert is None else convert(value) for key, value in items}

    return read


def _list_reader(convert: _Read | None) -> _Read:
    def read(content: object) -> Json:
        items = cast("list[Json]", content)
        return list(items) if convert is None else [convert(item) for item in items]

    return read


def _enum_reader(enum: EnumDescriptor) -> _Read:
    names = {value.number: value.name for value in enum.values}

    def read(number: object) -> Json:
        return names.get(cast("int", number), cast("int", number))

    return read


def _read_bytes(content: object) -> Json:
    return b64encode(cast("bytes", content)).decode("ascii")


def _read_timestamp(content: object) -> Json:
    stamp = cast("Timestamp", content)
    seconds, nanos = stamp.seconds, stamp.nanos
    try:
        moment = datetime.fromtimestamp(seconds, UTC) if nanos in _NANOS else None
    except (ValueError, OverflowError, OSError):
        moment = None
    if moment is None:
        return seconds  # not a time to any reader, which is what it is
    return f"{moment.isoformat()[:19]}.{nanos // 1_000_000:03}Z"


def _read_struct(content: object) -> Json:
    return {key: _read_any(value) for key, value in cast("Struct", content).fields.items()}


def _read_any(content: object) -> Json:
    value = cast("Value", content)
    match value.WhichOneof("kind"):
        case "string_value":
            return value.string_value
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "bool_value":
            return value.bool_value
        case "struct_value":
            return _read_struct(value.struct_value)
        case "list_value":
            return [_read_any(item) for item in value.list_value.values]
        case _:  # an explicit null, or nothing, which ProtoJSON writes as null
            return None


_READS: Final[Mapping[str, _Read]] = {
    "google.protobuf.Struct": _read_struct,
    "google.protobuf.Value": _read_any,
    "google.protobuf.Timestamp": _read_timestamp,
}


# ---- From JSON to protobuf -----------------------------------------------------------------------


@cache
def _builder(message: Descriptor) -> Callable[[Json], dict[str, object]]:
    fields: dict[str, tuple[str, _Build | None]] = {}
    for field in message.fields:
        row = field.name, _field_builder(field)
        fields |= {field.name: row, field.json_name: row}

    def build(data: Json) -> dict[str, object]:
        found: dict[str, object] = {}
        for key, value in cast("JsonObject", data).items():
            row = fields.get(key)
            if row is None:
                continue
            name, convert = row
            if convert is None:
                found[name] = value
            elif value is not None or convert is _build_any:
                found[name] = convert(value)
        return found

    return build


def _field_builder(field: FieldDescriptor) -> _Build | None:
    entry = _map_entry(field)
    convert = _value_builder(field if entry is None else entry.fields_by_name["value"])
    if convert is None:
        return None
    if entry is not None:
        return _table_builder(convert)
    return _list_builder(convert) if field.is_repeated else convert


def _value_builder(field: FieldDescriptor) -> _Build | None:
    """What one value of a field is built from; None where protobuf takes it as it is in JSON."""
    if field.message_type is not None:
        name = field.message_type.full_name
        return _BUILDS[name] if name in _BUILDS else _builder(field.message_type)
    return _build_bytes if field.type == FieldDescriptor.TYPE_BYTES else None


def _table_builder(convert: _Build) -> _Build:
    def build(content: Json) -> object:
        return {key: convert(value) for key, value in cast("JsonObject", content).items()}

    return build


def _list_builder(convert: _Build) -> _Build:
    def build(content: Json) -> object:
        return [convert(item) for item in cast("list[Json]", content)]

    return build


def _build_bytes(content: Json) -> object:
    return b64decode(cast("str", content))


def _build_timestamp(content: Json) -> object:
    since = datetime.fromisoformat(cast("str", content)) - _EPOCH
    # Handed the datetime itself, protobuf takes three times as long: that part of it is Python.
    seconds = since.days * 86_400 + since.seconds
    return {"seconds": seconds, "nanos": since.microseconds * 1000}


def _build_any(content: Json) -> object:
    match content:
        case None:
            return {"null_value": 0}
        case str():
            return {"string_value": content}
        case bool():
            return {"bool_value": content}
        case int() | float():
            return {"number_value": content}
        case Mapping():
            return {"struct_value": content}
        case _:
            return {"list_value": content}


_BUILDS: Final[Mapping[str, _Build | None]] = {
    "google.protobuf.Struct": None,
    "google.protobuf.Value": _build_any,
    "google.protobuf.Timestamp": _build_timestamp,
}


def _map_entry(field: FieldDescriptor) -> Descriptor | None:
    """The message behind a map, which protobuf writes as a list of pairs; else None."""
    kind = field.message_type
    return kind if kind is not None and kind.GetOptions().map_entry else None
