/**
 * What the talker says: a dozen patterns after Weizenbaum's ELIZA (1966), a story, and two answers about this page itself.
 * There is no memory and no chance in it: the same message always gets the same answer.
 */

interface Rule {
  readonly pattern: RegExp;
  /** `said` is what the group of the pattern matched, seen from the other side. */
  readonly answer: (said: string) => string;
}

const CODE = `This page is a few files of TypeScript without a framework. The part that talks to me fits here:

\`\`\`ts
const position = keptPosition("answer");
const stream = position
  ? client.resume(position)
  : client.runStream({ message });

for await (const word of keepPosition(stream, "answer")) {
  show(word);
}
\`\`\`

The loop knows nothing of networks. When the line breaks, the client makes a new one and asks for what comes after the last word that it was given; when you reload, the kept position says where to go on.

Try it: reload the page while I am talking.`;

const NETWORK = `Nothing is lost. Every word that I say has a number, and the server keeps them all for a while:

- **The network goes away.** The page says so, and I go on talking to the server's log.
- **It comes back.** The client asks for what comes after the last word that you have seen.
- **You reload.** The position was kept in \`sessionStorage\`, beside the text; the answer goes on where it stood.
- **You press stop.** That is sent as a word of its own, so that I stop, and not only the page.

Pull the plug in the middle of a story, count to ten, and put it back in. Not one word is missing, and none comes twice.`;

const story = (
  topic: string,
): string => `There was once a lighthouse at the end of a long and crooked road, and its keeper cared for nothing so much as ${topic}.

Every evening she lit the lamp, and every evening she wrote one sentence about ${topic} into a heavy ledger, gave it a number, and put it under the blue teapot. Then came the week of the great fog. The road was gone, the boats stayed out, and for three days nobody heard a word from the light.

On the fourth morning the fog lifted, and the whole village came up the road with the same question: *what have we missed?*

The keeper looked up the number of the last sentence they had heard, opened the ledger behind it, and read aloud. Not one sentence was missing, and none was read twice. They are still talking about it, and about ${topic}, in every house from which the light can be seen.`;

const RULES: readonly Rule[] = [
  { pattern: /\b(?:code|typescript|javascript|program)\b/i, answer: () => CODE },
  { pattern: /\b(?:network|plug|offline|reload|connection|internet)\b/i, answer: () => NETWORK },
  { pattern: /\b(?:story|tale)\b(?:.*?\babout (.+))?/i, answer: (topic) => story(topic || "small ships") },
  {
    pattern: /^(?:hello|hi|hey|good (?:morning|evening))\b/i,
    answer: () =>
      "Hello! It is good to see you here. Shall we talk for a while, or would you rather have a story? Name a topic, and I will tell you one.",
  },
  { pattern: /\bthank(?:s| you)\b/i, answer: () => "You are very welcome. What else is on your mind?" },
  {
    pattern: /\bi need (.+)/i,
    answer: (said) => `Why do you need ${said}? Try to imagine for a moment that you had ${said}: what would you do first?`,
  },
  {
    pattern: /\bi want (.+)/i,
    answer: (said) => `What would it mean to you to have ${said}? And suppose you got it tomorrow, what would come after that?`,
  },
  {
    pattern: /\bi feel (.+)/i,
    answer: (said) => `Do you often feel ${said}? Tell me about the last time, and about what happened just before.`,
  },
  { pattern: /\bi(?: am|'m) (.+)/i, answer: (said) => `How long have you been ${said}? And what do the people around you say to it?` },
  {
    pattern: /\bare you (.+)/i,
    answer: (said) => `I am a dozen patterns and a table of words. Does that make me ${said}? What would it change between us?`,
  },
  { pattern: /\bmy (.+)/i, answer: (said) => `Tell me more about your ${said}. What comes to mind first when you think of it?` },
  {
    pattern: /\?$/,
    answer: () => "That is a good question, and I am only a handful of patterns. What do you think yourself? What made you ask just now?",
  },
];

const FALLBACK =
  "Please go on, I am listening. You can also ask me for a *story about* something, for the *code* of this page, or what happens when the *network* goes away.";

const REFLECTIONS: ReadonlyMap<string, string> = new Map([
  ["i", "you"],
  ["i'm", "you are"],
  ["me", "you"],
  ["my", "your"],
  ["mine", "yours"],
  ["am", "are"],
  ["you", "me"],
  ["your", "my"],
  ["yours", "mine"],
]);

/** The answer to one message, in Markdown. */
export function replyTo(message: string): string {
  const text = message.trim().replaceAll("’", "'");
  for (const { pattern, answer } of RULES) {
    const match = pattern.exec(text);
    if (match !== null) return answer(reflect(match[1] ?? ""));
  }
  return FALLBACK;
}

/** Says a piece of text from the other side: "my keys." becomes "your keys". */
function reflect(text: string): string {
  const [sentence = ""] = text.split(/[.!?;\n]/, 1);
  const words = sentence.trim().split(/\s+/);
  return words.map((word) => REFLECTIONS.get(word.toLowerCase()) ?? word).join(" ");
}
