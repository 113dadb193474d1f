import { readFileSync, writeFileSync } from "node:fs";

/** What one process leaves for the others: strings, which could be in a mail or a database as well. */
export interface Ticket {
  readonly invocationId: string;
  readonly approvalId: string;
  /** Where the stream goes on. */
  readonly position: string;
  /** What was said so far. */
  readonly text: string;
}

/** Keeps a ticket in a file. */
export function writeTicket(file: string, ticket: Ticket): void {
  writeFileSync(file, JSON.stringify(ticket, null, 2));
}

/** Reads it again, in another process. */
export function readTicket(file: string): Ticket {
  return JSON.parse(readFileSync(file, "utf8"));
}
