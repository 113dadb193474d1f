import { connect, createServer, type Server, type Socket } from "node:net";

/** Heads are short; what comes after so much is not looked at. */
const MAX_HEARD = 1_000_000;

/** A listener before a server, which writes down what clients send. */
export interface Tap {
  readonly server: Server;
  /** What came, of all connections. */
  heard(): string;
  close(): void;
}

/** Starts to listen on a free port; the server's own `listening` says when. */
export function createTap(port: number): Tap {
  const open = new Set<Socket>();
  const heard: string[] = [];
  const server = createServer((client) => {
    const index = heard.push("") - 1;
    const target = connect(port, "127.0.0.1");
    for (const socket of [client, target]) {
      open.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        open.delete(socket);
        client.destroy();
        target.destroy();
      });
    }
    client.on("data", (bytes) => {
      const text = heard[index] ?? "";
      // Byte by byte: frames of a WebSocket are masked, and no text.
      if (text.length < MAX_HEARD) heard[index] = text + bytes.toString("latin1");
    });
    client.pipe(target).pipe(client);
  });
  server.listen(0, "127.0.0.1");
  return {
    server,
    heard: () => heard.join("\n"),
    close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

/** The request lines in what came. */
export function linesOf(heard: string): string[] {
  // One may follow the body of another without a line break.
  return heard.match(/(?:GET|POST|OPTIONS|HEAD|PUT) \S+ HTTP\/1\.1(?=\r\n)/g) ?? [];
}
