import { type AISDKSettings, type AISDKSource, fromAISDK } from "@runagent/server/adapters/ai-sdk";
import { stepCountIs, streamText, ToolLoopAgent, type ToolSet, tool } from "ai";
import { ApprovalRequiredError, type RunAgentStream } from "runagent";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { clientFor, modelOf, payment, script, startStream, weather, withTools } from "./ai-sdk-harness.ts";
import {
  APPROVED_CALL,
  clientOf,
  eventsOf,
  failureOf,
  LAST_ANSWER,
  recordsOf,
  scriptedModel,
  serveChat,
  signalled,
  storyOf,
  textOfChunks,
} from "./harness.ts";

// Tools of the real AI SDK: told, stopped after, and asked for.

/** By name: the sources that do the same in three forms. */
const FORMS: Readonly<Record<string, (settings: AISDKSettings & { readonly tools: ToolSet }) => AISDKSource>> = {
  settings: (settings) => settings,
  "an agent": ({ model, tools, stopWhen }) => new ToolLoopAgent({ model, tools, maxRetries: 0, ...(stopWhen && { stopWhen }) }),
  "a function that gives settings": (settings) => () => settings,
};

describe.each(Object.entries(FORMS))("tools, of %s", (_form, make) => {
  it("are told as called and as done, in one turn with the answer that called them", async () => {
    const model = await scriptedModel(script);
    const client = await clientFor(make({ model: modelOf(model), maxRetries: 0, ...withTools }));
    const records = await recordsOf(client.runStream({ message: "Weather?" }));
    expect(storyOf(records)).toEqual(["text", "message_output_created", "tool_called", "tool_output", "turn_completed", ...LAST_ANSWER]);
    expect(eventsOf(records).slice(1, 4)).toEqual([
      { type: "run_item_event", name: "tool_called", item: { call_id: "call_0_0", tool_name: "weather", arguments: { city: "Rome" } } },
      {
        type: "run_item_event",
        name: "tool_output",
        item: { call_id: "call_0_0", tool_name: "weather", output: { city: "Rome", sky: "clear" } },
      },
      { type: "turn_completed", turn: 1 },
    ]);
  });

  it("end with the turn, where a client asks for that: the model is not called again", async () => {
    const running = signalled();
    const asked = signalled();
    const slow = tool({
      inputSchema: z.object({ city: z.string() }),
      execute: async () => {
        running.resolve();
        await asked.promise;
        return "clear";
      },
    });
    const model = await scriptedModel(script);
    const client = await clientFor(make({ model: modelOf(model), maxRetries: 0, tools: { weather: slow }, stopWhen: stepCountIs(5) }));
    const stream = client.runStream({ message: "Weather?" });
    const reading = recordsOf(stream);
    await running.promise;
    await stream.cancel("after_turn");
    asked.resolve();
    const records = await reading;
    expect(storyOf(records).slice(-3)).toEqual(["tool_output", "turn_completed", "stream_cancelled"]);
    expect(model.requests.length).toBe(1);
    // What would call the model again has come to its end too.
    await new Promise(setImmediate);
    expect(model.requests.length).toBe(1);
  });

  it("run after an approval, once", async () => {
    const runs: unknown[] = [];
    const model = await scriptedModel([{ toolCalls: [{ name: "pay", arguments: { amount: 5 } }] }, { text: "Paid." }]);
    const client = await clientFor(make({ model: modelOf(model), maxRetries: 0, tools: { pay: payment(runs) }, stopWhen: stepCountIs(5) }));
    const asked: unknown[] = [];
    const records = await recordsOf(
      client.runStream(
        { message: "Pay 5." },
        {
          onApproval: (request) => {
            asked.push(request);
            return "approve";
          },
        },
      ),
    );
    expect(asked).toMatchObject([{ tool_name: "pay", arguments: { amount: 5 } }]);
    expect(storyOf(records)).toEqual([...APPROVED_CALL, ...LAST_ANSWER]);
    expect(runs).toEqual([{ amount: 5 }]);
    expect(model.requests.length).toBe(2);
    expect(JSON.stringify(model.requests[1]?.messages)).toContain("receipt");
  });

  it("run after an approval, and end with the turn where a client asks for that", async () => {
    const runs: unknown[] = [];
    const model = await scriptedModel([{ toolCalls: [{ name: "pay", arguments: { amount: 5 } }] }, { text: "Paid." }]);
    const client = await clientFor(make({ model: modelOf(model), maxRetries: 0, tools: { pay: payment(runs) }, stopWhen: stepCountIs(5) }));
    const stream: RunAgentStream = client.runStream(
      { message: "Pay 5." },
      {
        onApproval: async (): Promise<"approve"> => {
          await stream.cancel("after_turn");
          return "approve";
        },
      },
    );
    const records = await recordsOf(stream);
    expect(storyOf(records).slice(-3)).toEqual(["tool_output", "turn_completed", "stream_cancelled"]);
    expect([runs.length, model.requests.length]).toEqual([1, 1]);
  });
});

describe("tools", () => {
  it("that fail are told as failed, and the model hears it", async () => {
    const failing = tool({
      inputSchema: z.object({ city: z.string() }),
      execute: (): string => {
        throw new Error("The sky has fallen.");
      },
    });
    const model = await scriptedModel(script);
    const records = await recordsOf(await startStream(model, { tools: { weather: failing }, stopWhen: stepCountIs(5) }));
    expect(eventsOf(records)[2]).toEqual({
      type: "run_item_event",
      name: "tool_output",
      item: { call_id: "call_0_0", tool_name: "weather", output: "The sky has fallen.", is_error: true },
    });
    expect(textOfChunks(records)).toBe("Let me see.Clear in Rome.");
  });

  it("that are called with nonsense are told as failed", async () => {
    const model = await scriptedModel([{ toolCalls: [{ name: "weather", arguments: { town: 5 } }] }, { text: "Sorry." }]);
    const records = await recordsOf(await startStream(model, withTools));
    expect(eventsOf(records).slice(0, 2)).toMatchObject([
      { name: "tool_called", item: { tool_name: "weather" } },
      { name: "tool_output", item: { is_error: true } },
    ]);
    expect(textOfChunks(records)).toBe("Sorry.");
  });

  it("that give their output in pieces are told when it is whole", async () => {
    const slowly = tool({
      inputSchema: z.object({ city: z.string() }),
      async *execute() {
        yield "clou";
        yield "cloudy";
      },
    });
    const model = await scriptedModel(script);
    const records = await recordsOf(await startStream(model, { tools: { weather: slowly }, stopWhen: stepCountIs(5) }));
    const outputs = eventsOf(records).filter((event) => JSON.stringify(event).includes('"tool_output"'));
    expect(outputs).toMatchObject([{ item: { output: "cloudy" } }]);
  });
});

describe("approvals", () => {
  const paying = { toolCalls: [{ name: "pay", arguments: { amount: 5 } }] };

  it("that are rejected: the tool does not run, and the model hears why", async () => {
    const runs: unknown[] = [];
    const model = await scriptedModel([paying, { text: "I did not pay." }]);
    const client = await clientFor({ model: modelOf(model), tools: { pay: payment(runs) }, stopWhen: stepCountIs(5) });
    const onApproval = () => ({ decision: "reject", reason: "Too dear." }) as const;
    const records = await recordsOf(client.runStream({ message: "Pay 5." }, { onApproval }));
    expect(eventsOf(records)[3]).toEqual({
      type: "run_item_event",
      name: "tool_output",
      item: { call_id: "call_0_0", tool_name: "pay", output: "Too dear.", rejected: true },
    });
    expect(textOfChunks(records)).toBe("I did not pay.");
    expect(runs).toEqual([]);
    expect(JSON.stringify(model.requests[1]?.messages)).toContain("Too dear.");
  });

  it("of several tools are asked at once, and decided each by itself", async () => {
    const runs: unknown[] = [];
    const two = {
      toolCalls: [
        { name: "pay", arguments: { amount: 1 } },
        { name: "weather", arguments: { city: "Rome" } },
        { name: "pay", arguments: { amount: 1000 } },
      ],
    };
    const model = await scriptedModel([two, { text: "Half paid." }]);
    const client = await clientFor({ model: modelOf(model), tools: { pay: payment(runs), weather }, stopWhen: stepCountIs(5) });
    const records = await recordsOf(
      client.runStream(
        { message: "Pay." },
        { onApproval: (request) => (JSON.stringify(request.arguments).includes("1000") ? "reject" : "approve") },
      ),
    );
    expect(runs).toEqual([{ amount: 1 }]);
    const story = storyOf(records);
    expect(story.indexOf("approval_decided")).toBeGreaterThan(story.lastIndexOf("approval_required"));
    expect(story.filter((word) => word === "tool_output").length).toBe(3);
    expect(story.filter((word) => word === "turn_completed").length).toBe(2);
    expect(eventsOf(records).filter((event) => JSON.stringify(event).includes('"rejected":true'))).toMatchObject([
      { item: { call_id: "call_0_2", output: "rejected" } },
    ]);
    expect(textOfChunks(records)).toBe("Half paid.");
  });

  it("in one turn after the other each run their tool once", async () => {
    const runs: unknown[] = [];
    const again = { toolCalls: [{ name: "pay", arguments: { amount: 6 } }] };
    const model = await scriptedModel([paying, again, { text: "Both paid." }]);
    const client = await clientFor({ model: modelOf(model), tools: { pay: payment(runs) }, stopWhen: stepCountIs(5) });
    const records = await recordsOf(client.runStream({ message: "Pay 5, then 6." }, { onApproval: () => "approve" }));
    expect(runs).toEqual([{ amount: 5 }, { amount: 6 }]);
    expect(storyOf(records).filter((word) => word === "turn_completed").length).toBe(3);
    expect([textOfChunks(records), model.requests.length]).toEqual(["Both paid.", 3]);
  });

  it("are asked in one process, decided in another, and finished in a third", async () => {
    const runs: unknown[] = [];
    const model = await scriptedModel([{ text: "I pay.", ...paying }, { text: "Paid." }]);
    const source = { model: modelOf(model), tools: { pay: payment(runs) }, stopWhen: stepCountIs(5) };
    const server = await serveChat(fromAISDK(source));
    const first = clientOf(server);
    const stream = first.runStream({ message: "Pay 5." });
    const error = await failureOf(stream.text());
    expect(error).toMatchObject({ code: "APPROVAL_REQUIRED", requests: [{ tool_name: "pay", call_id: "call_0_0" }] });
    await first.close();
    if (!(error instanceof ApprovalRequiredError)) throw error;
    const approvalId = error.requests[0]?.approvalId ?? "";
    await clientOf(server).decide(stream.invocationId, { approvalId, decision: "approve" });
    const records = await recordsOf(clientOf(server).resume(error.position));
    expect(storyOf(records).slice(-5)).toEqual(["turn_completed", "text", "message_output_created", "turn_completed", "stream_completed"]);
    expect(textOfChunks(records)).toBe("Paid.");
    expect(runs).toEqual([{ amount: 5 }]);
  });

  it("of a stream that the agent makes itself: its function is called again", async () => {
    const runs: unknown[] = [];
    const model = await scriptedModel([paying, { text: "Paid." }]);
    const client = await clientFor((_input, { signal }, messages) =>
      streamText({ model: modelOf(model), tools: { pay: payment(runs) }, stopWhen: stepCountIs(5), messages, abortSignal: signal }),
    );
    const stream = client.runStream({ message: "Pay 5." }, { onApproval: () => "approve" });
    expect(storyOf(await recordsOf(stream))).toContain("tool_output");
    expect([runs.length, model.requests.length]).toEqual([1, 2]);
  });

  it("that nobody decides in time are rejected", async () => {
    const runs: unknown[] = [];
    const model = await scriptedModel([paying, { text: "I did not pay." }]);
    const source = { model: modelOf(model), tools: { pay: payment(runs) }, stopWhen: stepCountIs(5) };
    const client = await clientFor(source, { approvalExpiresIn: 0.05 });
    const records = await recordsOf(client.runStream({ message: "Pay 5." }, { onApproval: () => {} }));
    expect(textOfChunks(records)).toBe("I did not pay.");
    expect(runs).toEqual([]);
  });

  it("that wait when the invocation is cancelled end with it", async () => {
    const runs: unknown[] = [];
    const model = await scriptedModel([paying]);
    const client = await clientFor({ model: modelOf(model), tools: { pay: payment(runs) } });
    const stream: RunAgentStream = client.runStream(
      { message: "Pay 5." },
      {
        onApproval: async () => {
          await stream.cancel();
        },
      },
    );
    expect(storyOf(await recordsOf(stream)).at(-1)).toBe("stream_cancelled");
    expect(runs).toEqual([]);
  });
});

// Version 7 decides by rules, too: those that it decides itself are no questions.
describe.runIf(process.env.RUNAGENT_FRAMEWORKS === "newest")("rules of approval", () => {
  it("ask only what they leave open", async () => {
    const runs: unknown[] = [];
    const calls = [1, 50, 1000].map((amount) => ({ name: "pay", arguments: { amount } }));
    const model = await scriptedModel([{ toolCalls: calls }, { text: "Some paid." }]);
    const pay = tool({ inputSchema: z.object({ amount: z.number() }), execute: (input) => runs.push(input) });
    const toolApproval = {
      pay: ({ amount }: { amount: number }) => {
        if (amount < 10) return "approved";
        return amount > 100 ? { type: "denied", reason: "Too dear." } : { type: "user-approval", reason: "Quite dear." };
      },
    };
    const settings = { model: modelOf(model), tools: { pay }, stopWhen: stepCountIs(5), toolApproval };
    const client = await clientFor(settings);
    const asked: unknown[] = [];
    const stream = client.runStream(
      { message: "Pay." },
      {
        onApproval: (request) => {
          asked.push(request);
          return "approve";
        },
      },
    );
    const records = await recordsOf(stream);
    expect(asked).toMatchObject([{ tool_name: "pay", arguments: { amount: 50 }, requests: [{ reason: "Quite dear." }] }]);
    expect(runs).toEqual([{ amount: 1 }, { amount: 50 }]);
    expect(eventsOf(records).filter((event) => JSON.stringify(event).includes('"rejected":true'))).toMatchObject([
      { item: { call_id: "call_0_2", output: "Too dear." } },
    ]);
    expect(textOfChunks(records)).toBe("Some paid.");
  });
});
