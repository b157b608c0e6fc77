"""A server written with the official SDK; as a program it serves stdio."""

from __future__ import annotations

from typing import Annotated

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import (
    CallToolResult,
    Completion,
    CompletionArgument,
    CompletionContext,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
    PromptReference,
    ResourceTemplateReference,
    TextContent,
)
from pydantic import Field

server = MCPServer("depot", version="3", instructions="Ships things.", log_level="ERROR")
Region = Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})]


@server.tool()
def add(a: int, b: int) -> int:
    """Adds."""
    return a + b


@server.tool()
def mirrored(region: Region) -> str:
    """Wants its argument in a header."""
    return region


@server.tool()
async def counting(ctx: Context) -> str:
    """Reports progress."""
    for step in (1, 2, 3):
        await ctx.report_progress(step, 3, f"step {step}")
    return "counted"


@server.tool()
def failing() -> str:
    """Fails."""
    raise ToolError("the shelf is empty")


def question(message: str, field: str) -> ElicitRequest:
    schema: dict[str, object] = {"type": "object", "properties": {field: {"type": "string"}}}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


@server.tool()
def booking(ctx: Context) -> CallToolResult | InputRequiredResult:
    """Asks twice, keeps the first answer in its state."""
    answers, state = ctx.input_responses or {}, ctx.request_state
    name, seat = answers.get("name"), answers.get("seat")
    if isinstance(seat, ElicitResult) and seat.content:
        text = f"{state} sits at {seat.content['seat']}"
        return CallToolResult(content=[TextContent(text=text)])
    if isinstance(name, ElicitResult) and name.content:
        return InputRequiredResult(
            input_requests={"seat": question("Which seat?", "seat")},
            request_state=str(name.content["name"]),
        )
    return InputRequiredResult(input_requests={"name": question("Who?", "name")})


@server.prompt()
def label(to: str) -> str:
    """Writes a label."""
    return f"To {to}, with care."


@server.prompt()
def letter(ctx: Context) -> str | InputRequiredResult:
    """Asks who it is to."""
    answer = (ctx.input_responses or {}).get("name")
    if isinstance(answer, ElicitResult) and answer.content:
        return f"Dear {answer.content['name']}"
    return InputRequiredResult(input_requests={"name": question("Who?", "name")})


@server.completion()  # type: ignore[no-untyped-call, untyped-decorator]  # as the SDK has it
async def known(
    ref: PromptReference | ResourceTemplateReference,
    argument: CompletionArgument,
    context: CompletionContext | None,
) -> Completion:
    """Knows two people."""
    return Completion(values=[each for each in ("Ada", "Bob") if each.startswith(argument.value)])


@server.resource("depot://stock", mime_type="text/plain")
def stock() -> str:
    """What is there."""
    return "3 crates"


@server.resource("depot://seal")
def seal() -> bytes:
    """No text."""
    return b"\x00\x01\xff"


if __name__ == "__main__":
    server.run("stdio")
