/** The RxJS that `@ag-ui/client` has: a user's app has it among its own dependencies. */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import type { AbstractAgent, BaseEvent } from "@ag-ui/client";

type Run = ReturnType<AbstractAgent["run"]>;

const client = createRequire(import.meta.url).resolve("@ag-ui/client");
const rxjs = await import(pathToFileURL(createRequire(client).resolve("rxjs")).href);

/** `from` of RxJS, for the events of a run. */
export const from: (events: AsyncIterable<BaseEvent>) => Run = rxjs.from;
