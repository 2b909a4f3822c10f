// llama.cpp behind the two protocols that `fillrate profile --llm` speaks.
//
//   node server.mjs MODEL.gguf openai|ollama SEQUENCES
//
// Prints `listening PORT` when it is ready, and for each answer one line of JSON with what it
// measured itself: milliseconds from the request's arrival to its first token and to its last, and
// how many tokens went in and out.

import { createServer } from "node:http";
import { performance } from "node:perf_hooks";
import { getLlama } from "node-llama-cpp";

const [path, protocol, sequences] = process.argv.slice(2);

// The model is loaded by the first request, as Ollama does it.
let loading;
const loaded = () => (loading ??= load());

async function load() {
  const began = performance.now();
  // One thread: on a busy machine llama.cpp's threads spend their time waiting for each other.
  const llama = await getLlama({ gpu: false, build: "never", logLevel: "error", maxThreads: 1 });
  const model = await llama.loadModel({ modelPath: path });
  const context = await model.createContext({
    contextSize: 1024,
    sequences: Number(sequences),
    threads: 1,
  });
  free.push(...Array.from({ length: Number(sequences) }, () => context.getSequence()));
  return { model, loadMs: performance.now() - began };
}

// A request waits until a sequence is free.
const free = [];
const waiting = [];
const take = () => free.pop() ?? new Promise((resolve) => waiting.push(resolve));
const give = (sequence) => (waiting.shift() ?? ((it) => free.push(it)))(sequence);

async function* generate(model, prompt, maxTokens, count) {
  const sequence = await take();
  try {
    // Nothing of an earlier prompt is remembered: every request pays for its own.
    await sequence.clearHistory();
    const input = model.tokenize(prompt);
    count.input = input.length;
    for await (const token of sequence.evaluate(input, { temperature: 0 })) {
      if (model.isEogToken(token)) return;
      count.output += 1;
      yield model.detokenize([token], false, [model.tokens.bos]);
      if (count.output >= maxTokens) return;
    }
  } finally {
    give(sequence);
  }
}

async function answer(request, response) {
  const arrived = performance.now();
  const parts = [];
  for await (const part of request) parts.push(part);
  const body = JSON.parse(Buffer.concat(parts).toString());
  const prompt = body.messages.map((message) => message.content).join("\n");
  const maxTokens = body.max_tokens ?? body.options?.num_predict ?? 16;
  const count = { input: 0, output: 0 };
  const isOpenAi = protocol === "openai";
  const send = (object) => {
    const text = JSON.stringify(object);
    response.write(isOpenAi ? `data: ${text}\n\n` : `${text}\n`);
  };
  response.writeHead(200, {
    "content-type": isOpenAi ? "text/event-stream" : "application/x-ndjson",
  });
  const isCold = loading === undefined;
  const { model, loadMs } = await loaded();
  let first;
  for await (const text of generate(model, prompt, maxTokens, count)) {
    send(isOpenAi
      ? { choices: [{ index: 0, delta: { content: text } }] }
      : { model: body.model, message: { role: "assistant", content: text }, done: false });
    first ??= performance.now() - arrived;
  }
  if (isOpenAi) {
    send({ choices: [{ index: 0, delta: {}, finish_reason: "length" }] });
    if (body.stream_options?.include_usage) {
      send({ choices: [], usage: { prompt_tokens: count.input, completion_tokens: count.output } });
    }
    response.end("data: [DONE]\n\n");
  } else {
    send({
      model: body.model,
      message: { role: "assistant", content: "" },
      done: true,
      load_duration: isCold ? Math.round(loadMs * 1e6) : 0,
      prompt_eval_count: count.input,
      eval_count: count.output,
    });
    response.end();
  }
  const total = performance.now() - arrived;
  console.log(JSON.stringify({ first_ms: first, total_ms: total, ...count }));
}

const server = createServer((request, response) => {
  const json = (status, object) => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(object));
  };
  const asks = `${request.method} ${request.url}`;
  const chat = protocol === "openai" ? "POST /v1/chat/completions" : "POST /api/chat";
  if (asks === chat) {
    answer(request, response).catch((error) => {
      console.error(error);
      response.destroy();
    });
  } else if (asks === "GET /v1/models" && protocol === "openai") {
    json(200, { object: "list", data: [{ id: "random", object: "model" }] });
  } else if (asks === "GET /api/version" && protocol === "ollama") {
    json(200, { version: "0.0.0" });
  } else {
    json(404, { error: `no ${asks}` });
  }
});
server.listen(0, "127.0.0.1", () => console.log(`listening ${server.address().port}`));
