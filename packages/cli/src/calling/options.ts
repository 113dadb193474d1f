import { isStreamTag } from "@runagent/core";
import { UsageError } from "../exit-codes.ts";
import type { OnApproval } from "./on-approval.ts";

/** The options that say which agent is called, and where it is. */
export interface AddressOptions {
  readonly id?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly local?: boolean | undefined;
  readonly baseUrl?: string | undefined;
  readonly apiKey?: string | undefined;
}

/** How what comes is written. */
export type OutputFormat = "text" | "json";

/** The options of `run`. */
export interface RunOptions extends AddressOptions {
  readonly tag?: string | undefined;
  readonly input?: string | undefined;
  /** Seconds. */
  readonly timeout?: number | undefined;
  readonly userId?: string | undefined;
  readonly persistentMemory?: boolean | undefined;
  readonly output: OutputFormat;
}

/** Decisions by the ids of their approvals. */
export interface DecisionOptions {
  readonly approve?: readonly string[] | undefined;
  readonly reject?: readonly string[] | undefined;
  readonly reason?: string | undefined;
}

/** What is done with a stream. */
export interface StreamOptions extends AddressOptions {
  readonly timeout?: number | undefined;
  readonly output: OutputFormat;
  readonly events?: boolean | undefined;
  readonly detach?: boolean | undefined;
  readonly onApproval?: OnApproval | undefined;
}

/** The options of `resume`. */
export interface ResumeStreamOptions extends StreamOptions, DecisionOptions {}

/** The options of `run-stream`. */
export interface RunStreamOptions extends RunOptions, StreamOptions {}

const NO_ADDRESS_HINT = "Pass --id ID, with --local for an agent of this machine, or --host HOST --port PORT.";

/** @throws UsageError when the address is missing, or is given twice. */
export function checkAddress(options: AddressOptions): void {
  checkOneAddress(options);
  if (options.id === undefined && !hasHost(options)) throw new UsageError("It is not said which agent is called.", NO_ADDRESS_HINT);
}

/** @throws UsageError for options that name two places. */
export function checkOneAddress(options: AddressOptions): void {
  if (options.baseUrl === undefined) return;
  const other = options.local ? "--local" : options.host !== undefined ? "--host" : options.port !== undefined ? "--port" : undefined;
  if (other === undefined) return;
  throw new UsageError(`--base-url and ${other} name two places.`, "--base-url is for a server elsewhere, the others for one near by.");
}

/** True when a host or a port says where the agent is. */
export function hasHost({ host, port }: AddressOptions): boolean {
  return host !== undefined || port !== undefined;
}

/** True when an option says where the server is; an id alone does not. */
export function hasPlace(options: AddressOptions): boolean {
  return options.local === true || options.baseUrl !== undefined || hasHost(options);
}

/** The tag, when it is one for this command. @throws UsageError */
export function checkTag(tag: string | undefined, streaming: boolean): string {
  if (tag === undefined) {
    throw new UsageError(
      "It is not said which entrypoint is called.",
      `Pass --tag TAG, such as --tag ${streaming ? "chat_stream" : "chat"}.`,
    );
  }
  if (streaming && !isStreamTag(tag)) {
    // Word for word what the deployed command says: scripts look for it.
    throw new UsageError(`Streaming command requires entrypoint tag ending with '_stream'. Got: ${tag}`);
  }
  if (!streaming && isStreamTag(tag)) {
    throw new UsageError(
      `Non-streaming command requires entrypoint tag without '_stream'. Got: ${tag}`,
      "With _stream: runagent run-stream",
    );
  }
  return tag;
}
