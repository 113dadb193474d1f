// The server of the tarball, for all that run here: prints its port, and ends with its standard input.
import { defineAgent, serve } from "@runagent/server";

const agent = defineAgent({
  id: "packed",
  entrypoints: {
    chat: async (input) => ({ reply: `Hello, ${input.name}` }),
    *count_stream() {
      for (let n = 1; n <= 100; n++) yield n;
    },
  },
});
const server = await serve(agent, { port: 0, allowedOrigins: process.argv.slice(2) });
console.log(server.port);
process.stdin.resume().on("end", () => server.close());
