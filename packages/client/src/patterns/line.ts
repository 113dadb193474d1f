/** The part of a WebSocket that is used: the standard interface, or that of ws. */
export interface RelaySocket {
  readonly readyState: number;
  readonly bufferedAmount: number;
  send(data: string | Uint8Array<ArrayBuffer>, onSent?: (error?: Error) => void): void;
  close(code: number, reason: string): void;
  addEventListener(type: "open" | "close" | "error", listener: () => void): void;
  removeEventListener(type: "open" | "close" | "error", listener: () => void): void;
  /** Only ws has it. */
  readonly on?: unknown;
}

const CONNECTING = 0;
const OPEN = 1;
/** How often a socket that tells nothing is asked what waits in it, in milliseconds. */
const POLL_MS = 10;

/** The socket of a relay, with its waits and its listeners, which are gone once it is closed. */
export class Line {
  readonly #socket: RelaySocket;
  readonly #high: number;
  readonly #low: number;
  readonly #onGone: () => void;
  #closed = false;
  #goOn: () => void = () => {};
  readonly #onChange = (): void => this.#goOn();
  readonly #onClose = (): void => {
    if (this.#closed) return;
    this.#end();
    this.#onGone();
  };

  /** @param onGone Is called once when the far client goes, and not after `close`. */
  constructor(socket: RelaySocket, high: number, low: number, onGone: () => void) {
    this.#socket = socket;
    this.#high = high;
    this.#low = low;
    this.#onGone = onGone;
    socket.addEventListener("open", this.#onChange);
    socket.addEventListener("close", this.#onClose);
    socket.addEventListener("error", this.#onClose);
  }

  /** The far client has gone. */
  get gone(): boolean {
    // A socket on its way out takes nothing any more, and its event comes later, or came before.
    if (this.#socket.readyState > OPEN) this.#onClose();
    return this.#closed;
  }

  /** Resolves when more may be sent: true; or when the far client has gone: false. */
  async ready(): Promise<boolean> {
    if (this.#isFull(this.#high)) {
      do await this.#change();
      while (this.#isFull(this.#low));
    }
    return !this.gone;
  }

  send(data: string | Uint8Array<ArrayBuffer>): void {
    if (this.#tells) this.#socket.send(data, this.#onChange);
    else this.#socket.send(data);
  }

  close(code: number, reason: string): void {
    if (this.gone) return;
    this.#end();
    this.#socket.close(code, reason);
  }

  /** ws calls back when something was written; the standard has nothing of the kind. */
  get #tells(): boolean {
    return typeof this.#socket.on === "function";
  }

  #isFull(mark: number): boolean {
    return !this.gone && (this.#socket.readyState === CONNECTING || this.#socket.bufferedAmount > mark);
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#tells ? undefined : setTimeout(() => this.#goOn(), POLL_MS);
      this.#goOn = () => {
        clearTimeout(timer);
        this.#goOn = () => {};
        resolve();
      };
    });
  }

  #end(): void {
    this.#closed = true;
    this.#socket.removeEventListener("open", this.#onChange);
    this.#socket.removeEventListener("close", this.#onClose);
    this.#socket.removeEventListener("error", this.#onClose);
    this.#goOn();
  }
}
