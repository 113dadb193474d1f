/**
 * One connection through the proxy: two sockets, a reader and a lane for each direction, and the rules that act on what passes.
 *
 * client socket -> reader (units) -> rules -> lane -> server socket, and back.
 */
import { connect, type Socket } from "node:net";
import { editFrame, type FrameUnit } from "./frame-edit.ts";
import { withHost, writeAnswer } from "./http-text.ts";
import { Lane } from "./lane.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { createRandom, type Random } from "./random.ts";
import { type ArmedRule, type Happening, isShaping, type RuleSet, takeTurn, untilFirst } from "./rule-set.ts";
import type { Action, Direction, NumberOrRange } from "./rules.ts";
import { StreamReader } from "./stream-reader.ts";
import { type Head, labelFrame, type Unit } from "./unit.ts";
import { writeCloseFrame } from "./websocket-frames.ts";

const INVOCATION_IN_BODY = /"invocation_id"\s*:\s*"([^"]{1,128})"/;
const INVOCATION_IN_PATH = /\/invocations\/([^/?]{1,128})/;
/** The first frame and its id are found here, however large the input is. */
const BODY_EXCERPT_BYTES = 65_536;

export class ProxiedConnection {
  readonly number: number;
  readonly #context: ProxyContext;
  readonly #random: Random;
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #readers: Record<Direction, StreamReader>;
  readonly #lanes: Record<Direction, Lane>;
  readonly #held: Record<Direction, Buffer> = { to_client: Buffer.alloc(0), to_server: Buffer.alloc(0) };
  readonly #counts = new Map<ArmedRule, number>();
  readonly #replays = new Map<ArmedRule, Buffer>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #request: Head | undefined;
  #invocationId: string | undefined;
  #lastSeq = 0;
  #open = 2;
  /** A rule has ended it. */
  #over = false;

  /** Takes the client's socket over. A rule on connect may refuse it before the target hears of it. */
  constructor(number: number, client: Socket, context: ProxyContext) {
    this.number = number;
    this.#context = context;
    this.#random = createRandom(context.seed + Math.imul(number, 0x9e3779b1));
    this.#client = client;
    const matched = untilFirst(context.rules().matching({ event: "connect" }, number, this.#random));
    const refused = matched.some(({ rule }) => rule.do.action === "reset" || rule.do.action === "end");
    const server = refused ? client : connect({ ...context.target, allowHalfOpen: true, noDelay: true });
    this.#server = server;
    this.#readers = { to_client: new StreamReader("server", this.#random), to_server: new StreamReader("client", this.#random) };
    this.#lanes = { to_client: new Lane(server, client), to_server: new Lane(client, server) };
    if (refused) this.#open = 1;
    this.#attach("to_server", client, server);
    if (!refused) this.#attach("to_client", server, client);
    for (const armed of matched) this.#act(armed);
    if (!refused) this.#arm(context.rules());
  }

  /** Resets both sides. */
  drop(rule: string): void {
    if (this.#over) return;
    this.#tellDrop(rule);
    this.#destroy((socket) => socket.resetAndDestroy());
  }

  heal(): void {
    for (const lane of Object.values(this.#lanes)) lane.heal();
  }

  /** Ends both sides without telling of a drop: the proxy closes. */
  destroy(): void {
    this.#destroy((socket) => socket.destroy());
  }

  #attach(direction: Direction, source: Socket, sink: Socket): void {
    let failed = false;
    source.on("data", (chunk: Buffer) => this.#read(direction, chunk));
    source.on("error", () => {
      failed = true;
    });
    source.on("end", () => {
      this.#lanes[direction].write(Buffer.concat([this.#takeHeld(direction), this.#readers[direction].rest()]));
      this.#lanes[direction].call(() => sink.end());
    });
    source.on("close", () => {
      this.#lanes[direction].call(() => (failed ? sink.resetAndDestroy() : sink.destroySoon()));
      if (--this.#open === 0) this.#finish();
    });
  }

  #finish(): void {
    for (const lane of Object.values(this.#lanes)) lane.close();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#context.closed();
  }

  #arm(rules: RuleSet): void {
    const still = (armed: ArmedRule): boolean => this.#context.rules() === rules && takeTurn(armed);
    for (const armed of rules.forConnection("bytes", this.number, this.#random)) {
      const { on } = armed.rule;
      if (on.event !== "bytes") continue;
      const direction = on.direction ?? "to_client";
      this.#lanes[direction].atPosition(this.#draw(on.at), () => still(armed) && this.#act(armed));
    }
    for (const armed of rules.forConnection("time", this.number, this.#random)) {
      const { on } = armed.rule;
      if (on.event !== "time") continue;
      this.#after(this.#draw(on.ms), () => still(armed) && this.#act(armed));
    }
  }

  #draw(value: NumberOrRange): number {
    return typeof value === "number" ? value : this.#random.integer(value[0], value[1]);
  }

  #after(ms: number, call: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      call();
    }, ms);
    this.#timers.add(timer);
  }

  #read(direction: Direction, chunk: Buffer): void {
    this.#context.bytes(direction, chunk.length);
    for (const unit of this.#readers[direction].read(chunk)) {
      if (this.#over) return;
      this.#pass(direction, unit);
    }
  }

  #pass(direction: Direction, unit: Unit): void {
    if (unit.kind === "head") this.#passHead(direction, unit.head, unit.bytes);
    else if (unit.kind === "frame") this.#passFrame(direction, unit);
    else {
      if (direction === "to_server") this.#findInvocation(INVOCATION_IN_BODY, unit.bytes.toString("latin1", 0, BODY_EXCERPT_BYTES));
      this.#write(direction, unit.bytes);
    }
  }

  #passHead(direction: Direction, head: Head, bytes: Buffer): void {
    if (direction === "to_server") {
      this.#request = head;
      this.#findInvocation(INVOCATION_IN_PATH, head.target);
    }
    const event = direction === "to_server" ? "request" : "answer";
    const armed = this.#first({ event, request: this.#request, status: head.status });
    if (armed !== undefined && this.#act(armed)) return;
    if (head.status === 101) this.#readers.to_server.upgrade();
    this.#write(direction, direction === "to_server" ? withHost(bytes, this.#context.target) : bytes);
  }

  #passFrame(direction: Direction, unit: FrameUnit): void {
    if (direction === "to_server") this.#findInvocation(INVOCATION_IN_BODY, unit.text);
    const looks = this.#context.rules().looksAtFrames(direction);
    const label = direction === "to_client" || looks ? labelFrame(unit.text) : undefined;
    const armed =
      looks && label !== undefined ? this.#first({ event: "frame", direction, label, count: (rule) => this.#count(rule) }) : undefined;
    if (armed === undefined) this.#write(direction, unit.bytes);
    else if (!this.#edit(armed, direction, unit) && this.#cut(armed, direction, unit.bytes)) return;
    if (direction === "to_client" && label?.seq !== undefined) this.#lastSeq = Math.max(this.#lastSeq, label.seq);
  }

  #count(armed: ArmedRule): number {
    const count = (this.#counts.get(armed) ?? 0) + 1;
    this.#counts.set(armed, count);
    return count;
  }

  /** Passes on what a rule makes of a frame; false when the rule does not edit it. */
  #edit(armed: ArmedRule, direction: Direction, unit: FrameUnit): boolean {
    const { do: action } = armed.rule;
    if (action.action === "swap") {
      const earlier = this.#takeHeld(direction);
      this.#held[direction] = unit.bytes;
      if (earlier.length > 0) this.#lanes[direction].write(earlier);
      return true;
    }
    if (action.action === "replay") {
      const first = this.#replays.get(armed);
      if (first === undefined) this.#replays.set(armed, unit.bytes);
      this.#write(direction, Buffer.concat([first ?? Buffer.alloc(0), unit.bytes]));
      return true;
    }
    const bytes = editFrame(action, unit, this.#readers[direction], this.#random);
    if (bytes === undefined) return false;
    this.#write(direction, bytes);
    return true;
  }

  /** Acts before, in or after the frame. True when the frame did not go out whole. */
  #cut(armed: ArmedRule, direction: Direction, bytes: Buffer): boolean {
    const { on } = armed.rule;
    const where = on.event === "frame" ? (on.where ?? "before") : "before";
    const at = where === "before" ? 0 : where === "after" ? bytes.length : this.#random.integer(1, bytes.length - 1);
    if (at > 0) this.#write(direction, bytes.subarray(0, at));
    this.#lanes[direction].call(() => this.#act(armed));
    if (at < bytes.length) this.#write(direction, bytes.subarray(at));
    return at < bytes.length;
  }

  #write(direction: Direction, bytes: Buffer): void {
    if (bytes.length > 0) this.#lanes[direction].write(bytes);
    if (this.#held[direction].length > 0) this.#lanes[direction].write(this.#takeHeld(direction));
  }

  #takeHeld(direction: Direction): Buffer {
    const held = this.#held[direction];
    this.#held[direction] = Buffer.alloc(0);
    return held;
  }

  /** The first rule that acts and is not shaping; shaping ones on the way act too. */
  #first(happening: Happening): ArmedRule | undefined {
    for (const armed of this.#context.rules().matching(happening, this.number, this.#random)) {
      if (!this.#shape(armed.rule.do)) return armed;
    }
    return undefined;
  }

  #findInvocation(pattern: RegExp, text: string): void {
    const [, invocationId] = pattern.exec(text) ?? [];
    if (invocationId === undefined || invocationId === this.#invocationId) return;
    this.#invocationId = decodeURIComponent(invocationId);
    this.#lastSeq = 0;
  }

  /** Does what a rule says, except what it does to one frame. True when the connection is over, or what was read is not to be passed on. */
  #act(armed: ArmedRule): boolean {
    const { do: action } = armed.rule;
    if (this.#over) return true;
    if (this.#shape(action)) return false;
    switch (action.action) {
      case "reset":
        this.drop(armed.name);
        return true;
      case "end":
        this.#end(armed.name);
        return true;
      case "close":
        if (this.#readers.to_client.isWebSocket) this.#client.write(writeCloseFrame(action.code, action.reason ?? "", this.#random));
        this.#end(armed.name);
        return true;
      case "answer":
        this.#client.write(writeAnswer(action));
        this.#end(armed.name);
        return true;
      case "stall":
        this.#tellDrop(armed.name);
        for (const lane of this.#lanesOf(action.direction)) lane.stall();
        if (action.ms !== undefined) this.#after(action.ms, () => this.heal());
        return false;
      default:
        throw new Error(`${action.action} acts on frames only; readRules should have refused it`);
    }
  }

  #shape(action: Action): boolean {
    if (!isShaping(action)) return false;
    for (const lane of this.#lanesOf(action.direction)) {
      if (action.action === "delay") lane.delayMs = action.ms;
      else if (action.action === "throttle") lane.bytesPerSecond = action.bytesPerSecond;
      else lane.segmentBytes = action.bytes ?? 1;
    }
    return true;
  }

  #lanesOf(direction: Direction | "both" = "both"): Lane[] {
    return direction === "both" ? Object.values(this.#lanes) : [this.#lanes[direction]];
  }

  /** FIN to both sides, and nothing after it. */
  #end(rule: string): void {
    this.#tellDrop(rule);
    this.#over = true;
    for (const lane of Object.values(this.#lanes)) lane.close();
    for (const socket of [this.#client, this.#server]) {
      // What the peer still sends would turn the FIN into a reset.
      socket.removeAllListeners("data").resume();
      socket.end();
      this.#after(END_GRACE_MS, () => socket.destroy());
    }
  }

  #destroy(how: (socket: Socket) => void): void {
    this.#over = true;
    for (const lane of Object.values(this.#lanes)) lane.close();
    for (const socket of new Set([this.#client, this.#server])) how(socket);
  }

  #tellDrop(rule: string): void {
    this.#context.dropped({
      at: Number(process.hrtime.bigint()) / 1e6,
      connection: this.number,
      rule,
      invocationId: this.#invocationId,
      lastSeq: this.#lastSeq,
      passed: this.#lanes.to_client.passed,
    });
  }
}

/** A peer that does not answer a FIN within this time is not waited for. */
const END_GRACE_MS = 1_000;
