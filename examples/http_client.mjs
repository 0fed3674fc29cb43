// From JavaScript, with nothing but fetch (Node 18 or newer, Deno, Bun, a browser behind a proxy of yours):
//
//     memoryops serve
//     MEMORYOPS_API_KEY=$(cat ~/.local/share/memoryops/http.token) node examples/http_client.mjs

const base = process.env.MEMORYOPS_URL ?? "http://127.0.0.1:8765";
const key = process.env.MEMORYOPS_API_KEY ?? "";

/** Asks the service; a refusal is an Error with its remedy. */
async function memory(method, path, body, idempotencyKey) {
  const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/json" };
  if (idempotencyKey) headers["Idempotency-Key"] = idempotencyKey;
  const reply = await fetch(base + path, { method, headers, body: body && JSON.stringify(body) });
  const told = await reply.json();
  if (!reply.ok) throw new Error(`${[told.detail, told.remedy].filter(Boolean).join(". ")} (${told.kind})`);
  return told;
}

const first = await memory("POST", "/v1/items", { content: "The lighthouse is painted in May." }, "lighthouse-1");
const again = await memory("POST", "/v1/items", { content: "The lighthouse is painted in May." }, "lighthouse-1");
console.log("once:", first.id === again.id);

const found = await memory("POST", "/v1/search", { query: "When is the lighthouse painted?", limit: 1 });
console.log("found:", found.hits[0].content);

const context = await memory("POST", "/v1/workingset", { purpose: "When is the lighthouse painted?", budget_tokens: 500 });
console.log("for a prompt:", context.tokens <= 500 && context.text.includes("lighthouse"));

await memory("GET", "/v1/items/nobody").catch((error) => console.log("refused:", error.message));
