/** A chat of the AI SDK without a user interface: the class that useChat has inside, of both versions. */

import type { AbstractChat, ChatInit, ChatState, ChatStatus, UIMessage } from "ai";
import * as ai6 from "ai";

type Version = readonly [string, () => Promise<typeof ai6>];

/** The version that is tested first, and the newest one: the same names with, here, the same types. */
export const VERSIONS: readonly [Version, Version] = [
  ["ai 6", async () => ai6],
  // A specifier that the compiler does not follow: the types of the two do not mix.
  ["ai 7", async () => (await import(new URL("../newest/node_modules/ai/dist/index.js", import.meta.url).href)) as typeof ai6],
];

class State implements ChatState<UIMessage> {
  status: ChatStatus = "ready";
  error: Error | undefined;
  messages: UIMessage[];

  constructor(messages: UIMessage[]) {
    this.messages = messages;
  }

  pushMessage(message: UIMessage): void {
    this.messages = [...this.messages, structuredClone(message)];
  }

  popMessage(): void {
    this.messages = this.messages.slice(0, -1);
  }

  replaceMessage(index: number, message: UIMessage): void {
    this.messages = this.messages.with(index, structuredClone(message));
  }

  snapshot<T>(thing: T): T {
    return structuredClone(thing);
  }
}

/** Makes a chat of one of the versions. */
export async function createChat(
  version: () => Promise<typeof ai6>,
  { messages = [], ...init }: ChatInit<UIMessage>,
): Promise<AbstractChat<UIMessage>> {
  const ai = await version();
  // Version 7 has what it queues in its state, too.
  const state = Object.assign(new State(messages), { experimental_queuedMessages: [] });
  class Chat extends ai.AbstractChat<UIMessage> {}
  return new Chat({ ...init, state });
}

export type { AbstractChat };
