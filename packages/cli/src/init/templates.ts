/** Languages that `runagent init` writes. */
export type Language = "typescript" | "python";

/** An agent of one file, which needs nothing but what its language brings. */
export interface Template {
  readonly file: string;
  readonly text: string;
  /** Names of the functions; each is the tag of its entrypoint, too. */
  readonly functions: readonly [run: string, stream: string];
}

const TYPESCRIPT = `// The functions that runagent.config.json names. A call's named arguments come as one object.
import { setTimeout as wait } from "node:timers/promises";

interface Input {
  message?: string;
}

/** Gives one answer: runagent run --tag chat */
export function chat({ message = "Hello" }: Input): string {
  return \`You said: \${message}\`;
}

/** Streams an answer word by word: a tag that ends in _stream yields chunks. */
export async function* chat_stream({ message = "Hello" }: Input, ctx: { signal: AbortSignal }): AsyncGenerator<string> {
  for (const word of \`You said: \${message}\`.split(" ")) {
    if (ctx.signal.aborted) return; // Somebody has cancelled.
    yield \`\${word} \`;
    await wait(100);
  }
}
`;

const PYTHON = `"""The functions that runagent.config.json names. A call's named arguments are the parameters."""

import time
from typing import Iterator


def chat(message: str = "Hello") -> str:
    """Gives one answer: runagent run --tag chat"""
    return f"You said: {message}"


def chat_stream(message: str = "Hello") -> Iterator[str]:
    """Streams an answer word by word: a tag that ends in _stream yields chunks."""
    for word in f"You said: {message}".split(" "):
        yield f"{word} "
        time.sleep(0.1)
`;

/** The agent that `runagent init` writes in each language. */
export const TEMPLATES: Readonly<Record<Language, Template>> = {
  typescript: { file: "agent.ts", text: TYPESCRIPT, functions: ["chat", "chat_stream"] },
  python: { file: "main.py", text: PYTHON, functions: ["chat", "chat_stream"] },
};
