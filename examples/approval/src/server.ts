/** Serves the cashier until it is stopped. PORT: default 8450, 0 takes a free one. */
import { serve } from "@runagent/server";
import { createCashier } from "./agent.ts";
import { PEOPLE } from "./people.ts";

let payments = 0;
const agent = createCashier((amount) => `receipt ${++payments} over ${amount}`);

const server = await serve(agent, {
  port: Number(process.env.PORT || 8450),
  apiKeys: (key) => PEOPLE[key] ?? null,
  // The manager decides on what others have started; nobody decides on their own bills.
  mayDecide: (principal, { owner }) => principal.id === "manager" && owner.id !== "manager",
});
console.log(`The cashier listens on ${server.url}`);
process.once("SIGTERM", () => {
  console.log(`Payments made: ${payments}.`);
  void server.close();
});
