import { tool } from "@langchain/core/tools";
import { MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { AIMessage, createAgent, createMiddleware, providerStrategy, toolStrategy } from "langchain";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { eventsOf, recordsOf, scriptedModel, signalled, storyOf, textOfChunks } from "./harness.ts";
import { agentsIn, agentWith, asking, count, limiting, outputsOf, pay, summarising, toolbox } from "./langchain-harness.ts";
import { chatOf, clientFor, script, weather } from "./langgraph-harness.ts";

// Agents of the package langchain, which are graphs: createAgent, its middleware, and several of them.

describe("an agent of createAgent", () => {
  it.each([
    { name: "clerk", told: "clerk" },
    { name: undefined, told: "agent" },
  ])("answers piece by piece, with its tools and turns, as $told", async ({ name, told }) => {
    const model = await scriptedModel(script);
    const agent = agentWith(model, { tools: [weather], ...(name !== undefined && { name }) });
    const records = await recordsOf((await clientFor(agent)).runStream({ message: "Weather?" }));
    expect(storyOf(records)).toEqual([
      "agent_updated",
      "text",
      "message_output_created",
      "tool_called",
      "tool_output",
      "turn_completed",
      "text",
      "message_output_created",
      "turn_completed",
      "stream_completed",
    ]);
    const chunks = records.flatMap((record) => (record.type === "data" ? [record.content] : []));
    expect(chunks).toEqual(["Let ", "me ", "see.", "Clear ", "in ", "Rome."]);
    expect(agentsIn(records)).toEqual([told]);
    expect(eventsOf(records)[1]).toMatchObject({ item: { role: "assistant", status: "completed", agent: told } });
    expect(outputsOf(records)).toEqual([{ call_id: "call_0_0", tool_name: "weather", output: { city: "Rome", sky: "clear" } }]);
  });

  it("ends with the turn, where a client asks for that", async () => {
    const running = signalled();
    const asked = signalled();
    const slow = tool(
      async () => {
        running.resolve();
        await asked.promise;
        return "clear";
      },
      { name: "weather", schema: z.object({ city: z.string() }) },
    );
    const model = await scriptedModel(script);
    const stream = (await clientFor(agentWith(model, { tools: [slow] }))).runStream({ message: "Weather?" });
    const reading = recordsOf(stream);
    await running.promise;
    await stream.cancel("after_turn");
    asked.resolve();
    expect(storyOf(await reading).slice(-3)).toEqual(["tool_output", "turn_completed", "stream_cancelled"]);
    expect(model.requests.length).toBe(1);
  });

  it("gives a structured answer, as text or as a tool call", async () => {
    const Sky = z.object({ sky: z.string() });
    const provider = await scriptedModel([{ text: '{"sky":"clear"}' }]);
    const whole = await recordsOf(
      (await clientFor(agentWith(provider, { responseFormat: providerStrategy(Sky) }))).runStream({ message: "Sky?" }),
    );
    expect(textOfChunks(whole)).toBe('{"sky":"clear"}');
    const model = await scriptedModel((body) => {
      const name = JSON.stringify(body.tools).match(/extract-\d+/)?.[0] ?? "";
      return { toolCalls: [{ name, arguments: { sky: "clear" } }] };
    });
    const called = await recordsOf(
      (await clientFor(createAgent({ model: chatOf(model), tools: [], responseFormat: toolStrategy(Sky) }))).runStream({ message: "Sky?" }),
    );
    expect(outputsOf(called)).toMatchObject([{ call_id: "call_0_0", output: { sky: "clear" } }]);
    const structured = '"structuredResponse":{"sky":"clear"}';
    for (const records of [whole, called]) expect(JSON.stringify(records)).toContain(structured);
  });
});

describe("middleware", () => {
  it("that summarises says nothing to clients, and the thread goes on", async () => {
    const texts = ["A summary.", "Hello one.", "Another summary.", "Hello two."];
    const model = await scriptedModel(texts.map((text) => ({ text })));
    const summary = summarising({ model: chatOf(model), trigger: { messages: 3 }, keep: { messages: 1 } });
    const client = await clientFor(agentWith(model, { middleware: [summary], checkpointer: new MemorySaver() }));
    const roles = ["user", "assistant", "user"];
    const messages = roles.map((role, index) => ({ role, content: `Line ${index}.` }));
    for (const text of ["Hello one.", "Hello two."]) {
      const records = await recordsOf(client.runStream({ messages, thread_id: "one" }));
      expect(textOfChunks(records)).toBe(text);
      expect([count(records, "message_output_created"), count(records, "turn_completed")]).toEqual([1, 1]);
    }
    expect(model.requests.at(-1)?.messages).toMatchObject([
      { content: expect.stringContaining("Another summary.") },
      { content: "Line 2." },
    ]);
  });

  it("with nodes of its own tells no message twice, in a thread that goes on too", async () => {
    const own = createMiddleware({
      name: "Own",
      beforeAgent: () => ({}),
      beforeModel: ({ messages }) => ({ messages }),
      afterModel: () => ({}),
      afterAgent: () => ({ messages: [new AIMessage("Bye.")] }),
    });
    const model = await scriptedModel([...script, { text: "Still clear." }]);
    const client = await clientFor(
      agentWith(model, { name: "clerk", tools: [weather], middleware: [own], checkpointer: new MemorySaver() }),
    );
    const input = { message: "Weather?", thread_id: "one" };
    const first = await recordsOf(client.runStream(input));
    const second = await recordsOf(client.runStream(input));
    expect(textOfChunks(first)).toBe("Let me see.Clear in Rome.Bye.");
    expect(textOfChunks(second)).toBe("Still clear.Bye.");
    expect([agentsIn(first), agentsIn(second)]).toEqual([["clerk"], ["clerk"]]);
    expect([count(first, "turn_completed"), count(second, "turn_completed")]).toEqual([3, 2]);
  });

  it("that ends the agent speaks as the agent", async () => {
    const model = await scriptedModel(() => ({ toolCalls: [{ name: "weather", arguments: { city: "Rome" } }] }));
    const limit = limiting({ runLimit: 2, exitBehavior: "end" });
    const records = await recordsOf(
      (await clientFor(agentWith(model, { tools: [weather], middleware: [limit] }))).runStream({ message: "Weather?" }),
    );
    expect(textOfChunks(records)).toContain("limit");
    expect(agentsIn(records)).toEqual(["agent"]);
    expect([model.requests.length, outputsOf(records).length]).toEqual([2, 2]);
  });
});

describe("several agents", () => {
  it("in one graph are told by their names, and what one asks is answered there", async () => {
    const { ran, tools } = toolbox();
    const model = await scriptedModel([{ toolCalls: [pay(1)] }, { text: "Paid." }, { text: "In short: paid." }]);
    const clerk = createAgent({ model: chatOf(model), name: "clerk", tools, middleware: [asking()] });
    const writer = createAgent({ model: chatOf(model), tools: [] });
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("first", async ({ messages }) => ({ messages: (await clerk.invoke({ messages })).messages }))
      .addNode("writer", async ({ messages }) => ({ messages: (await writer.invoke({ messages })).messages }))
      .addEdge(START, "first")
      .addEdge("first", "writer")
      .compile({ checkpointer: new MemorySaver() });
    const records = await recordsOf((await clientFor(graph)).runStream({ message: "Pay." }, { onApproval: () => "approve" }));
    expect(textOfChunks(records)).toBe("Paid.In short: paid.");
    expect(agentsIn(records)).toEqual(["clerk", "writer"]);
    expect([ran, count(records, "approval_required"), count(records, "turn_completed")]).toEqual([["pay 1"], 1, 3]);
  });

  it("of which one is a tool of the other ask through it, and speak as themselves", async () => {
    const { ran, tools } = toolbox();
    const model = await scriptedModel([
      { toolCalls: [{ name: "ask_clerk", arguments: { question: "Pay 1." } }] },
      { toolCalls: [pay(1)] },
      { text: "It is paid." },
      { text: "The clerk paid." },
    ]);
    const clerk = createAgent({ model: chatOf(model), name: "clerk", tools, middleware: [asking()] });
    const askClerk = tool(
      async ({ question }: { question: string }) => {
        const { messages } = await clerk.invoke({ messages: [{ role: "user", content: question }] });
        return messages.at(-1)?.text ?? "";
      },
      { name: "ask_clerk", schema: z.object({ question: z.string() }) },
    );
    const boss = agentWith(model, { name: "boss", tools: [askClerk], checkpointer: new MemorySaver() });
    const records = await recordsOf((await clientFor(boss)).runStream({ message: "Pay." }, { onApproval: () => "approve" }));
    expect(textOfChunks(records)).toBe("It is paid.The clerk paid.");
    expect(agentsIn(records)).toEqual(["boss", "clerk", "boss"]);
    expect(ran).toEqual(["pay 1"]);
    expect(outputsOf(records)).toMatchObject([
      { tool_name: "pay", output: { receipt: 1 } },
      { tool_name: "ask_clerk", output: "It is paid." },
    ]);
  });
});
