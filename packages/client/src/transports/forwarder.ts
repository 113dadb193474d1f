import type { ClientFrame } from "@runagent/core";
import type { Connection } from "../transport.ts";

/** A connection whose transport is not settled yet. */
export class Forwarder implements Connection {
  current: Connection | undefined;
  /** Its user has gone. */
  left = false;

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

  send(frame: ClientFrame): void {
    this.current?.send(frame);
  }
  pause(): void {
    this.current?.pause();
  }
  resume(): void {
    this.current?.resume();
  }
  close(code: number | null): void {
    this.left = true;
    this.current?.close(code);
  }
  release(): void {
    this.left = true;
    this.current?.release();
  }
  drop(): void {
    this.left = true;
    this.current?.drop();
  }
}
