"""What Interloom costs, beside floors and peers measured in the same run: `python -m bench`.

jobs        the table: what is measured, its floor, ours, its peers, its budget
servers     the table of everything that can be started; `python -m bench.servers NAME`
ours        how our own targets are put together
floors*     the least code that does the job, without a runtime
stock       our server with a hundred thousand tasks in its store
slope       what an event costs when there are many before it
durability  what is promised of steps, restarts and replicas, measured; replica is one of them
canned_*    the tool server behind the bridge, over HTTP and over pipes: one fixed answer
raw_*       tools/call with nothing between the bytes and the caller
orders      processes that are told what to do, as the load has to come from inside them
callers     such processes that call tools
official_*  the official SDKs doing the same jobs
serving     one way to serve for all, so that only the applications differ
process     starting servers, pinning them, reading their CPU clocks
http1       one keep-alive connection, client side
load        the closed loops that drive a target
load_grpc   the same over gRPC
rounds      all targets of a job up together, loaded in turns
request     the bytes sent and the answers accepted (pure)
figures     medians, percentiles, ratios (pure)
table       what jobs cost, as printed (pure); limits, what durability does
gates       which of their gates were not held, by name (pure)
markdown    how a table is printed (pure)
machine     where the numbers come from
"""
