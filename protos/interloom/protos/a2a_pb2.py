"""The A2A messages as protobuf classes, in a descriptor pool of our own.

The module protoc generates registers `lf.a2a.v1` in protobuf's process-wide pool, where a second
copy (the official SDK ships one) is a TypeError at import. So the compiled descriptors are data
here, and the classes are made from them. The types come from the generated `a2a_pb2.pyi`.

`Struct`, `Value`, `Timestamp` and `Empty` live in the same private pool: another library's
objects of those names are other classes, and cross over as bytes.
"""

from __future__ import annotations

from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.message_factory import GetMessageClass

_POOL = DescriptorPool()
for _file in FileDescriptorSet.FromString(Path(__file__).with_name("a2a.binpb").read_bytes()).file:
    _POOL.AddSerializedFile(_file.SerializeToString())

DESCRIPTOR = _POOL.FindFileByName("a2a.proto")
SERVICE = DESCRIPTOR.services_by_name["A2AService"]

globals().update(
    {name: GetMessageClass(found) for name, found in DESCRIPTOR.message_types_by_name.items()}
)
for _enum in DESCRIPTOR.enum_types_by_name.values():
    globals()[_enum.name] = EnumTypeWrapper(_enum)
    globals().update({value.name: value.number for value in _enum.values})
