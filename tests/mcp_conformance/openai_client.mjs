// OpenAI's own Node client drives the gateway, as an application would: node openai_client.mjs MODULES BASE_URL KEY
// Prints the checks as JSON: [{what, good, seen}, …].

import { createRequire } from "node:module";

const [modules, baseURL, apiKey] = process.argv.slice(2);
const OpenAI = createRequire(`${modules}/`)("openai");
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const checks = [];
const check = (what, good, seen) => checks.push({ what, good: Boolean(good), seen });
const ask = (content) => [{ role: "user", content }];
const model = "gpt-4o-mini";

async function attempt(what, run) {
  try {
    await run();
  } catch (error) {
    check(what, false, String(error));
  }
}

await attempt("a chat completion", async () => {
  const { data, response } = await client.chat.completions
    .create({ model, user: "node", messages: ask("I live in Austin, Texas now.") })
    .withResponse();
  check("a chat completion", data.choices[0].message.content === "You said: I live in Austin, Texas now.", data);
  check("its headers", response.headers.get("x-memory-status") === "ok", [...response.headers]);
});

await attempt("what was said is recalled", async () => {
  let said = "";
  for (let attempts = 0; attempts < 50 && !said.includes("Austin"); attempts += 1) {
    await new Promise((resolve) => setTimeout(resolve, 200)); // it is kept after the reply has ended
    const reply = await client.chat.completions.create({ model, user: "node", messages: ask("Where do I live?") });
    said = reply.choices[0].message.content;
  }
  check("what was said is recalled", said.includes("I live in Austin, Texas now."), said);
});

await attempt("a stream", async () => {
  const stream = await client.chat.completions.create({ model, stream: true, messages: ask("one two three") });
  const pieces = [];
  for await (const chunk of stream) pieces.push(chunk.choices[0]?.delta?.content ?? "");
  check("a stream", pieces.join("") === "You said: one two three" && pieces.length >= 5, pieces);
});

await attempt("a stream that is left", async () => {
  const stream = await client.chat.completions.create({ model: "endless", stream: true, messages: ask("go on") });
  for await (const chunk of stream) if (chunk) break;
  check("a stream that is left", stream.controller.signal.aborted, "not aborted");
});

await attempt("the stream helper", async () => {
  const runner = client.chat.completions.stream({ model, messages: ask("four five") });
  check("the stream helper", (await runner.finalContent()) === "You said: four five", "another text");
});

await attempt("a tool call", async () => {
  const tools = [{ type: "function", function: { name: "now", parameters: { type: "object", properties: {} } } }];
  const reply = await client.chat.completions.create({ model: "tools", tools, messages: ask("What time is it?") });
  check("a tool call", reply.choices[0].message.tool_calls[0].function.arguments === '{"a":  1}', reply);
});

await attempt("models", async () => {
  const ids = [];
  for await (const each of client.models.list()) ids.push(each.id);
  check("models", ids.includes("gpt-4o") && ids.includes("all-MiniLM-L6-v2"), ids);
});

await attempt("embeddings", async () => {
  const made = await client.embeddings.create({ model: "all-MiniLM-L6-v2", input: ["one", "two"] });
  check("embeddings", made.data.length === 2 && made.data[1].embedding.length === 384, made.usage);
});

await attempt("an upstream's error", async () => {
  const error = await client.chat.completions.create({ model: "busy", messages: ask("Hello") }).catch((each) => each);
  check("an upstream's error", error instanceof OpenAI.RateLimitError && error.message.includes("come later"), error);
});

await attempt("a wrong key", async () => {
  const wrong = new OpenAI({ baseURL, apiKey: "wrong", maxRetries: 0 });
  const error = await wrong.chat.completions.create({ model, messages: ask("Hello") }).catch((each) => each);
  check("a wrong key", error instanceof OpenAI.AuthenticationError, error);
});

console.log(JSON.stringify(checks));
