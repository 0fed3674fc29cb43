// What tests/mcp_server/gateway/test_node.py runs: OpenAI's own client for Node against the gateway.
const assert = require("node:assert/strict");
const OpenAI = require("openai");

const client = new OpenAI({ baseURL: process.env.BASE, apiKey: process.env.KEY, maxRetries: 0 });
const model = "gpt-4o-mini";
const user = "node's user";
const ask = (content) => [{ role: "user", content }];

async function main() {
  const { data, response } = await client.chat.completions
    .create({ model, user, messages: ask("I live in Austin.") })
    .withResponse();
  assert.equal(data.choices[0].message.content, "You said: I live in Austin.");
  assert.equal(response.headers.get("x-memory-status"), "ok");
  assert.ok(Number(response.headers.get("x-tokens-before")) > 0);

  const stream = await client.chat.completions.create({ model, stream: true, messages: ask("one two three") });
  let said = "";
  for await (const chunk of stream) said += chunk.choices[0]?.delta?.content ?? "";
  assert.equal(said, "You said: one two three");

  const runner = client.chat.completions.stream({ model, messages: ask("four") });
  assert.equal((await runner.finalChatCompletion()).choices[0].message.content, "You said: four");

  const embedded = await client.embeddings.create({ model: "memoryops", input: ["a", "b"] });
  assert.equal(embedded.data[1].embedding.length, 64);

  const left = await client.chat.completions.create({ model, stream: true, messages: ask("endless") });
  for await (const _ of left) break; // which aborts the request

  const stranger = new OpenAI({ baseURL: process.env.BASE, apiKey: "mo_nobody", maxRetries: 0 });
  await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
  await assert.rejects(client.chat.completions.create({ model: 7, messages: [] }), OpenAI.BadRequestError);
  console.log("done");
}

main();
