/** What a link hears of its connections, from a transport that goes on telling of those it was asked to let go. */
import type { StartFrame } from "@runagent/core";
import { describe, expect, it } from "vitest";
import { type Dial, Link } from "../src/link.ts";
import { REAL_CLOCK, Timers } from "../src/timers.ts";
import type { CloseInfo, Connection, TransportEvents } from "../src/transport.ts";

const START: StartFrame = {
  type: "start",
  protocol: 2,
  invocation_id: "inv-1",
  entrypoint_tag: "story_stream",
  input_args: [],
  input_kwargs: {},
};
const DIAL: Dial = { token: () => undefined, first: () => START, delayMs: 0, connectMs: 0, version2: true };
const LOST: CloseInfo = { code: 1006, reason: "" };

const DEAF: Connection = {
  version2: false,
  credit: true,
  pausable: false,
  warm: false,
  sent: true,
  bytesRead: 0,
  send() {},
  pause() {},
  resume() {},
  close() {},
  release() {},
  drop() {},
};

/** A link, and what its connections can tell it: the oldest first. */
function createLink() {
  const connections: TransportEvents[] = [];
  const heard: string[] = [];
  const transport = {
    connect(_first: unknown, events: TransportEvents) {
      connections.push(events);
      return DEAF;
    },
    close() {},
  };
  const link = new Link(transport, new Timers(REAL_CLOCK), {
    opened: () => heard.push("opened"),
    text: (text) => heard.push(text),
    lost: ({ code }) => heard.push(`lost ${code}`),
  });
  const dial = (): TransportEvents => {
    link.dial(DIAL);
    const events = connections.at(-1);
    if (events === undefined) throw new Error("The link has made no connection.");
    return events;
  };
  return { link, dial, heard };
}

describe("an old connection is not heard any more [live.reconnect.1]", () => {
  /** All that a connection can tell. */
  const tellAll = (old: TransportEvents): void => {
    old.opened();
    old.text("old");
    old.closed(LOST);
  };

  it.each<[string, (link: Link) => void]>([
    ["dropped", (link) => link.drop()],
    ["closed", (link) => link.close(1000)],
    ["released", (link) => link.release()],
  ])("once it was %s, nor while the next one is open", (_, leave) => {
    const { link, dial, heard } = createLink();
    const first = dial();
    first.opened();
    first.text("first");
    leave(link);
    tellAll(first);
    const second = dial();
    tellAll(first);
    expect(link.open).toBe(false);
    second.opened();
    tellAll(first);
    second.text("second");
    second.closed(LOST);
    tellAll(first);
    tellAll(second);
    expect(heard).toEqual(["opened", "first", "opened", "second", "lost 1006"]);
  });

  it("once another was dialled", () => {
    const { dial, heard } = createLink();
    const first = dial();
    const second = dial();
    tellAll(first);
    second.opened();
    tellAll(first);
    second.text("second");
    expect(heard).toEqual(["opened", "second"]);
  });
});
