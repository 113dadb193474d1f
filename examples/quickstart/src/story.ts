/**
 * Stories from a grammar: a symbol in braces stands for one of its alternatives, the same one all through a story.
 * The topic decides every choice, so that a topic has one story.
 */
import { chooseBy, hashText } from "./hash.ts";

const GRAMMAR: ReadonlyMap<string, readonly string[]> = new Map([
  ["story", ["{opening} {habit} {turn} {search} {help} {ending}"]],
  [
    "opening",
    [
      "In a town that kept its clocks in a drawer there lived {hero} who cared for nothing so much as {topic}.",
      "Long before the road reached {place}, {hero} was known there for one thing only: {topic}.",
      "Nobody in {place} talked about {topic} any more, except {hero} who did little else.",
    ],
  ],
  [
    "habit",
    [
      "Every morning began with the same question, written on a slip of paper and put under {object}.",
      "Every evening a lamp burned in the window, and behind it somebody counted what the day had brought.",
      "On rainy days the neighbours came to listen, and on dry days they pretended not to.",
    ],
  ],
  [
    "turn",
    [
      "Then, one night in {season}, {object} was gone.",
      "Then, in the middle of {season}, a letter came that held a single word and no name.",
      "Then a stranger came through in {season}, and asked for the one thing nobody had ever asked for.",
    ],
  ],
  [
    "search",
    [
      "The search went over three hills, through one very long argument, and ended at a door without a handle.",
      "It took a borrowed boat, two wrong maps and more patience than anybody had thought there was.",
    ],
  ],
  [
    "help",
    [
      "It was {helper} that found the way, by doing nothing for so long that the answer came out by itself.",
      "It was {helper} that said what everybody knew: that a thing is lost only until somebody tells of it.",
    ],
  ],
  [
    "ending",
    [
      "Since then there is a new sign at the gate of {place}. It says: mind the stories, they are about {topic}.",
      "They are still talking about {topic} there, and if you come by in {season}, somebody will move over and make room.",
    ],
  ],
  ["hero", ["a retired lighthouse keeper", "a girl with two left gloves", "a baker of very small loaves", "a postman without letters"]],
  ["place", ["Lower Tidewater", "the last valley but one", "Quillhaven"]],
  ["object", ["the blue teapot", "the heavy brass compass", "the oldest of the seven ledgers"]],
  ["season", ["the longest winter", "a spring that came twice", "the week of the great fog"]],
  ["helper", ["a cat with opinions", "the quietest of the neighbours", "an old clock that ran backwards"]],
]);

/** The story about a topic. */
export function tellStory(topic: string): string {
  const known = new Map([["topic", topic]]);
  const expand = (symbol: string): string => {
    const before = known.get(symbol);
    if (before !== undefined) return before;
    const alternative = chooseBy(hashText(`${symbol} ${topic}`), GRAMMAR.get(symbol) ?? []);
    const text = alternative.replaceAll(/\{(\w+)\}/g, (_braces, inner: string) => expand(inner));
    known.set(symbol, text);
    return text;
  };
  return expand("story");
}

/** The words of a text, each with the space behind it: put together again they are the text. */
export function splitWords(text: string): readonly string[] {
  return text.match(/\S+\s*/g) ?? [];
}
