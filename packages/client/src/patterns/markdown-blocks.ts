import { BlockSplitter } from "./block-splitter.ts";
import { invalid } from "./options.ts";
import { iterate, Reader } from "./reader.ts";

/**
 * Yields whole blocks of Markdown from chunks of text: a paragraph, a heading, a list, a fenced code. An open fence waits for its end, or
 * the end of the source. The blocks joined are the text, and where the chunks were cut makes no difference.
 * @throws RunAgentError VALIDATION_ERROR, at the read, for a chunk that is no text.
 */
export function markdownBlocks(source: AsyncIterable<string>): AsyncIterableIterator<string> {
  const reader = new Reader(source);
  return iterate(reader, split(reader));
}

async function* split(reader: Reader<string>): AsyncGenerator<string, void> {
  const splitter = new BlockSplitter();
  for (;;) {
    let result: IteratorResult<unknown> | undefined;
    try {
      result = await reader.next();
    } catch (error) {
      yield* splitter.end();
      throw error;
    }
    if (result === undefined || result.done) break;
    if (typeof result.value !== "string") throw invalid("source", `must give chunks of text, not of type ${typeof result.value}`);
    yield* splitter.push(result.value);
  }
  yield* splitter.end();
}
