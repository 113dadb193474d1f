/** What is on the screen. It shows what it is told, and says what people do; it knows nothing of streams. */
import type { Turn } from "./conversation.ts";
import { MarkdownView } from "./markdown.ts";
import type { Status } from "./status.ts";

/** What people do. */
export interface ViewEvents {
  send(message: string): void;
  stop(): void;
  again(turn: Turn): void;
  clear(): void;
}

/** Nearer to the end of the page than this, in pixels, the page follows the answer. */
const FOLLOW_WITHIN_PX = 120;

/** The page. */
export class View {
  readonly #events: ViewEvents;
  readonly #turns = find("turns", HTMLOListElement);
  readonly #welcome = find("welcome", HTMLElement);
  readonly #form = find("composer", HTMLFormElement);
  readonly #message = find("message", HTMLTextAreaElement);
  readonly #send = find("send", HTMLButtonElement);
  readonly #stop = find("stop", HTMLButtonElement);
  readonly #clear = find("clear", HTMLButtonElement);
  readonly #status = find("status", HTMLElement);
  readonly #shown: Map<Turn, ShownTurn> = new Map();

  constructor(events: ViewEvents) {
    this.#events = events;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#message.addEventListener("keydown", (event) => {
      // While a word is composed, Enter ends the composition.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#submit();
    });
    addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.isComposing && !this.#stop.hidden) this.#leave(this.#stop, () => events.stop());
    });
    this.#stop.addEventListener("click", () => this.#leave(this.#stop, () => events.stop()));
    this.#clear.addEventListener("click", () => this.#leave(this.#clear, () => events.clear()));
    for (const button of this.#welcome.querySelectorAll("button")) {
      button.addEventListener("click", () => this.#leave(button, () => events.send(button.textContent?.trim() ?? "")));
    }
  }

  /** Shows a turn, anew or for the first time. */
  show(turn: Turn): void {
    const follow = innerHeight + scrollY >= document.documentElement.scrollHeight - FOLLOW_WITHIN_PX;
    let shown = this.#shown.get(turn);
    if (shown === undefined) {
      shown = new ShownTurn(turn, () => this.#events.again(turn));
      this.#shown.set(turn, shown);
      this.#turns.append(shown.element);
    }
    shown.update();
    this.#welcome.hidden = true;
    if (follow) this.#toEnd();
  }

  /** Shows no turn any more. */
  empty(): void {
    this.#shown.clear();
    this.#turns.replaceChildren();
    this.#welcome.hidden = false;
  }

  /** Shows what the page is doing. The line is announced by screen readers, the words of the answer are not. */
  setStatus({ text, tone }: Status, running: boolean, stopping: boolean): void {
    // The same text again would be announced again.
    if (this.#status.textContent !== text) this.#status.textContent = text;
    this.#status.dataset.tone = tone;
    this.#send.hidden = running;
    this.#stop.hidden = !running || stopping;
    this.#clear.hidden = running || this.#shown.size === 0;
  }

  /** Says why a message cannot be sent now. */
  explain(text: string): void {
    this.#status.textContent = text;
  }

  /** Goes to the last word. */
  #toEnd(): void {
    scrollTo(0, document.documentElement.scrollHeight);
  }

  #submit(): void {
    const message = this.#message.value.trim();
    if (message === "") this.#message.focus();
    else if (this.#send.hidden) this.explain("An answer is still coming. Escape stops it.");
    else {
      this.#message.value = "";
      this.#message.focus();
      this.#events.send(message);
      this.#toEnd();
    }
  }

  /** A button that goes away must not take the focus with it. */
  #leave(button: HTMLButtonElement, act: () => void): void {
    const hadFocus = document.activeElement === button;
    act();
    if (hadFocus) this.#message.focus();
  }
}

/** One turn on the screen. */
class ShownTurn {
  readonly element: HTMLLIElement = document.createElement("li");
  readonly #turn: Turn;
  readonly #answer = create("div", "answer");
  readonly #note = create("p", "note");
  readonly #again = create("button", "again", "Try again");
  readonly #text = new MarkdownView(this.#answer);

  constructor(turn: Turn, again: () => void) {
    this.#turn = turn;
    this.#again.addEventListener("click", again);
    const question = create("p", "question", turn.question);
    this.element.append(create("h2", "unseen", "You"), question, create("h2", "unseen", "Answer"), this.#answer, this.#note, this.#again);
  }

  update(): void {
    const { answer, state, problem } = this.#turn;
    this.#text.update(answer);
    this.#answer.dataset.state = state;
    this.#note.textContent = state === "failed" ? (problem ?? "") : state === "stopped" ? "You stopped this answer." : "";
    this.#note.hidden = this.#note.textContent === "";
    this.#again.hidden = state !== "failed";
  }
}

function create<Name extends keyof HTMLElementTagNameMap>(name: Name, className: string, text = ""): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  element.className = className;
  element.textContent = text;
  return element;
}

function find<T extends HTMLElement>(id: string, type: new () => T): T {
  const element = document.getElementById(id);
  if (element instanceof type) return element;
  throw new Error(`The page has no ${type.name} with the id ${id}.`);
}
