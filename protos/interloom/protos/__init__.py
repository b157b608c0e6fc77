"""The wire's contract: the A2A 1.0.1 messages, enums and service as protobuf.

    a2a.proto       the source, identical on the wire to `lf.a2a.v1`
    a2a.binpb       its compiled descriptors, and those of what it imports (`make protos`)
    a2a_pb2.py      classes built from the descriptors, in a pool of their own
    a2a_pb2.pyi     their types (`make protos`)

Lowest floor: imports nothing of ours, and nothing but the gRPC binding and tests needs it. Import
names from `interloom.protos.a2a_pb2`, so that a program that speaks JSON alone never loads
protobuf.
"""

from __future__ import annotations
