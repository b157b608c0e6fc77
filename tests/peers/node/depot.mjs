// A server of 2026-07-28 built with the TypeScript SDK v2, and nothing older: `node depot.mjs
// stdio`, or `http` at the port of the environment. It refuses whatever is not of this revision.

import { createServer } from "node:http";

import { toNodeHandler } from "@modelcontextprotocol/node";
import { McpServer, createMcpHandler, fromJsonSchema, inputRequired } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";

const object = (properties) =>
  fromJsonSchema({ type: "object", properties, required: Object.keys(properties) });
const text = (said) => ({ content: [{ type: "text", text: said }] });
const ask = (key, message, state) =>
  inputRequired({
    inputRequests: {
      [key]: inputRequired.elicit({
        message,
        requestedSchema: { type: "object", properties: { [key]: { type: "string" } }, required: [key] },
      }),
    },
    ...(state === undefined ? {} : { requestState: state }),
  });

function depot() {
  const server = new McpServer(
    { name: "depot", version: "1" },
    { capabilities: { tools: {} }, cacheHints: { "tools/list": { ttlMs: 60_000, cacheScope: "public" } } },
  );
  const number = { type: "number" };
  const sum = { inputSchema: object({ a: number, b: number }), outputSchema: object({ sum: number }) };
  server.registerTool("add", sum, async ({ a, b }) => ({
    ...text(String(a + b)),
    structuredContent: { sum: a + b },
  }));
  server.registerTool("book", { inputSchema: object({ to: { type: "string" } }) }, async ({ to }, ctx) => {
    const answers = ctx.mcpReq.inputResponses ?? {};
    if (answers.seat?.action === "accept") {
      return text(`${to}: ${ctx.mcpReq.requestState()} in ${answers.seat.content.seat}`);
    }
    if (answers.name?.action === "accept") {
      return ask("seat", "Which seat?", `${answers.name.content.name} é\u2028`);
    }
    return answers.name === undefined ? ask("name", "Who?") : text("nobody");
  });
  server.registerTool("count", { inputSchema: object({}) }, async (_args, ctx) => {
    const progressToken = ctx.mcpReq._meta?.progressToken;
    for (const progress of [1, 2, 3]) {
      const params = { progressToken, progress, total: 3, message: `step ${progress}` };
      await ctx.mcpReq.notify({ method: "notifications/progress", params });
    }
    return text("counted");
  });
  server.registerTool("fail", { inputSchema: object({}) }, async () => ({
    ...text("the shelf is empty"),
    isError: true,
  }));
  server.registerTool("meta", { inputSchema: object({}) }, async (_args, ctx) => ({
    ...text(JSON.stringify(ctx.mcpReq._meta ?? {})),
    _meta: { "example.com/seen": ctx.mcpReq._meta?.traceparent ?? "" },
  }));
  return server;
}

if (process.argv[2] === "stdio") {
  serveStdio(depot, { legacy: "reject" });
} else {
  const handler = toNodeHandler(createMcpHandler(depot, { legacy: "reject" }));
  const http = createServer(handler);
  http.listen(process.env.PORT, () => console.log(`listening on port ${process.env.PORT}`));
}
