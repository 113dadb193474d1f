/** A reader on a bad line: drops the connection after every thirty events, and comes back with the id of the last one. */
import { read } from "./reader.ts";

const [url = "http://127.0.0.1:3000/chat"] = process.argv.slice(2);
let lastEventId: string | undefined;
let text = "";
let drops = 0;
for (let ended = false; !ended; ) {
  let events = 0;
  for await (const event of (await read(url, { lastEventId })).events) {
    lastEventId = event.id;
    ended = event.event === "end";
    if (event.event === "error") throw new Error(event.data);
    if (event.event === undefined) text += JSON.parse(event.data);
    if (++events === 30) break;
  }
  if (!ended) drops++;
}
const whole = text === Array.from({ length: 100 }, (_, index) => `Mile ${index + 1}. `).join("");
console.log(`${text}\n\n${drops} connections dropped, the story is ${whole ? "whole" : "BROKEN"}.`);
process.exitCode = whole && drops > 2 ? 0 : 1;
