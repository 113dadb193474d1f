import type { Connection } from "../transport.ts";

/** A connection whose transport is not settled yet. */
export class Forwarder implements Connection {
  current: Connection | undefined;
  readonly #onLeave: () => void;

  constructor(onLeave: () => void) {
    this.#onLeave = onLeave;
  }

  get version2(): boolean {
    return this.current?.version2 === true;
  }
  get warm(): boolean {
    return this.current?.warm === true;
  }
  get credit(): boolean {
    return this.current?.credit === true;
  }
  get pausable(): boolean {
    return this.current?.pausable === true;
  }
  get sent(): boolean {
    return this.current?.sent === true;
  }
  get bytesRead(): number {
    return this.current?.bytesRead ?? 0;
  }
  send: Connection["send"] = (frame) => this.current?.send(frame);
  pause: Connection["pause"] = () => this.current?.pause();
  resume: Connection["resume"] = () => this.current?.resume();
  close: Connection["close"] = (code) => {
    this.#onLeave();
    this.current?.close(code);
  };
  release: Connection["release"] = () => {
    this.#onLeave();
    this.current?.release();
  };
  drop: Connection["drop"] = () => {
    this.#onLeave();
    this.current?.drop();
  };
}
