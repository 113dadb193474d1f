/**
 * A small talk after Weizenbaum's ELIZA (1966): the first pattern that fits answers, with the words of the speaker turned round.
 * It has no memory and no chance in it: the same message always gets the same reply.
 */
import { chooseBy, hashText } from "./hash.ts";

interface Rule {
  /** Has at most one group of free length, so that matching takes time in proportion to the message. */
  readonly pattern: RegExp;
  /** `{1}` stands for what the group matched, said from the other side. */
  readonly replies: readonly string[];
}

const RULES: readonly Rule[] = [
  {
    pattern: /^(?:hello|hi|hey|good (?:morning|evening))\b/i,
    replies: ["Hello. What is on your mind?", "Hello! Shall we talk, or shall I tell you a story?"],
  },
  { pattern: /\b(?:bye|goodbye|good night)\b/i, replies: ["Goodbye. Come back when you want a story.", "Until next time."] },
  { pattern: /\bthank(?:s| you)\b/i, replies: ["You are welcome. What else is on your mind?"] },
  { pattern: /\bi need (.+)/i, replies: ["Why do you need {1}?", "What would change if you had {1}?"] },
  { pattern: /\bi want (.+)/i, replies: ["What would it mean to you to have {1}?", "Suppose you got {1}. What then?"] },
  { pattern: /\bi feel (.+)/i, replies: ["Do you often feel {1}?", "What makes you feel {1}?"] },
  { pattern: /\bi(?: am|'m) (.+)/i, replies: ["How long have you been {1}?", "Do you like being {1}?"] },
  {
    pattern: /\bi can(?:not|'t| not) (.+)/i,
    replies: ["What keeps you from it? Perhaps you could {1} after all.", "What would it take to {1}?"],
  },
  { pattern: /\bi remember (.+)/i, replies: ["Do you often think of {1}?", "What brings {1} to mind now?"] },
  {
    pattern: /\bare you (.+)/i,
    replies: ["Would it matter to you whether I am {1}?", "I am a dozen patterns and a table of words. Does that make me {1}?"],
  },
  { pattern: /\bcan you (.+)/i, replies: ["Perhaps I can {1}. Would you like me to?", "What if I could {1}?"] },
  { pattern: /\bbecause (.+)/i, replies: ["Is that the real reason: {1}?", "What else might explain it?"] },
  {
    pattern: /\bmy (mother|father|sister|brother|family|friend|boss|cat|dog)\b/i,
    replies: ["Tell me more about your {1}.", "What comes to mind when you think of your {1}?"],
  },
  { pattern: /\b(?:story|tale)\b/i, replies: ["I know many stories: ask my entrypoint story_stream, and name a topic."] },
  { pattern: /\?$/, replies: ["What do you think yourself?", "What made you ask that?"] },
];

const FALLBACKS: readonly string[] = ["Please go on.", "Tell me more about that.", "How does that make you feel?"];

const REFLECTIONS: ReadonlyMap<string, string> = new Map([
  ["i", "you"],
  ["i'm", "you are"],
  ["me", "you"],
  ["my", "your"],
  ["mine", "yours"],
  ["myself", "yourself"],
  ["am", "are"],
  ["you", "I"],
  ["your", "my"],
  ["yours", "mine"],
  ["yourself", "myself"],
]);

/** The reply to one message. */
export function replyTo(message: string): string {
  const text = message.trim().replaceAll("’", "'");
  for (const { pattern, replies } of RULES) {
    const match = pattern.exec(text);
    if (match === null) continue;
    const said = reflect(match[1] ?? "");
    return chooseBy(hashText(text), replies).replaceAll("{1}", () => said);
  }
  return chooseBy(hashText(text), FALLBACKS);
}

/** Says a piece of text from the other side: "my keys." becomes "your keys". */
function reflect(text: string): string {
  const [sentence = ""] = text.split(/[.!?;]/, 1);
  const words = sentence.trim().split(/\s+/);
  return words.map((word) => REFLECTIONS.get(word.toLowerCase()) ?? word).join(" ");
}
