import { describe, expect, it } from "vitest";
import { cancelFrames, deferred, type Play, serveScript } from "../../client/test/harness.ts";
import { acceptOf } from "../../client/test/scripted-server.ts";
import { aborted, serveEntrypoints, serveOld } from "./served.ts";
import { start } from "./support.ts";

const CANCELLING = "Cancelling… (Ctrl-C again to leave at once)\n";

describe("Ctrl-C", () => {
  // SIGHUP is what comes when the terminal is closed.
  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("cancels the invocation and says so: %s", async (signal) => {
    const stopped = deferred();
    const { address } = await serveEntrypoints({
      async *slow_stream(_, ctx) {
        yield "one ";
        await aborted(ctx.signal);
        stopped.resolve();
      },
    });
    const command = start(["run-stream", ...address, "--tag", "slow_stream"]);
    await command.prints(/one /);
    command.signal(signal);
    expect(await command.ended).toEqual({ exitCode: 130, signal: null, stdout: "one ", stderr: `${CANCELLING}Cancelled.\n` });
    await stopped.promise;
  });

  it("lets the chunks that are on their way come, and gives the last record", async () => {
    const hostAndPort = await script(async (peer) => {
      const { invocation_id } = await peer.accept();
      peer.send({ type: "data", seq: 1, content: "one " });
      await peer.nextOf("cancel");
      peer.send({ type: "data", seq: 2, content: "two" });
      for (const frame of cancelFrames(invocation_id, 3, 2)) peer.send(frame);
    });
    const command = start(["run-stream", "--id", "a1", ...hostAndPort, "--tag", "slow_stream", "--output", "json"]);
    await command.prints(/one /);
    command.signal("SIGINT");
    const { exitCode, stdout } = await command.ended;
    const records = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(exitCode).toBe(130);
    expect(records.map(({ content, status }) => content ?? status)).toEqual(["one ", "two", "stream_cancelled"]);
  });

  it("cancels what the server has not accepted yet", async () => {
    const started = deferred();
    const hostAndPort = await script(async (peer) => {
      const first = await peer.next();
      started.resolve();
      expect(await peer.next()).toMatchObject({ type: "cancel", mode: "immediate" });
      peer.send(acceptOf(first));
      for (const frame of cancelFrames(first.invocation_id, 1, 0)) peer.send(frame);
    });
    const command = start(["run-stream", "--id", "a1", ...hostAndPort, "--tag", "slow_stream"]);
    await started.promise;
    command.signal("SIGINT");
    expect(await command.ended).toMatchObject({ exitCode: 130, stdout: "", stderr: `${CANCELLING}Cancelled.\n` });
  });

  it("twice leaves at once", async () => {
    const cancelled = deferred();
    const hostAndPort = await script(async (peer) => {
      await peer.accept();
      peer.send({ type: "data", seq: 1, content: "one " });
      // It never answers.
      await peer.nextOf("cancel");
      cancelled.resolve();
    });
    const command = start(["run-stream", "--id", "a1", ...hostAndPort, "--tag", "slow_stream"]);
    await command.prints(/one /);
    command.signal("SIGINT");
    await Promise.all([cancelled.promise, command.prints(/Cancelling/, "stderr")]);
    command.signal("SIGINT");
    expect(await command.ended).toEqual({ exitCode: 130, signal: null, stdout: "one ", stderr: CANCELLING });
  });

  it("that comes too late says that the stream has completed", async () => {
    const hostAndPort = await script(async (peer) => {
      const { invocation_id } = await peer.accept();
      peer.send({ type: "data", seq: 1, content: "one" });
      await peer.nextOf("cancel");
      peer.complete(invocation_id, 2, 1);
    });
    const command = start(["run-stream", "--id", "a1", ...hostAndPort, "--tag", "slow_stream"]);
    await command.prints(/one/);
    command.signal("SIGINT");
    expect(await command.ended).toMatchObject({
      exitCode: 0,
      stdout: "one",
      stderr: `${CANCELLING}Completed before it could be cancelled.\n`,
    });
  });

  it("closes the stream of a version 1 server", async () => {
    const old = await serveOld({ ends: false });
    const command = start(["run-stream", "--id", "old-1", ...old.hostAndPort, "--tag", "chat_stream"]);
    await command.prints(/one two/);
    command.signal("SIGINT");
    expect(await command.ended).toMatchObject({ exitCode: 130, stderr: `${CANCELLING}Cancelled.\n` });
    await old.left;
  });
});

/** A server whose streams are played by a script. @returns The options by which the command finds it. */
async function script(stream: Play): Promise<string[]> {
  const { port } = await serveScript({ stream });
  return ["--host", "127.0.0.1", "--port", String(port)];
}
