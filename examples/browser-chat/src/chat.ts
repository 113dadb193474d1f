import { randomBytes } from "node:crypto";
import { type RunningServer, serve } from "@runagent/server";
import { createTalker, everyMs, type Pace } from "./agent.ts";
import { servePage } from "./page-server.ts";
import { createTokens } from "./tokens.ts";

/** What the chat may be told; ports of 0 take free ones. */
export interface ChatOptions {
  readonly pagePort: number;
  readonly agentPort: number;
  /** The bundled script of the page. */
  readonly script: URL;
  /** Default: a word every 45 ms. */
  readonly pace?: Pace;
  /** How long a token counts. Default 60. */
  readonly tokenSeconds?: number;
  /** The address at which pages reach the agent, where it is not the server's own: behind a proxy, for example. */
  readonly publicUrl?: (agent: RunningServer) => Promise<string> | string;
  readonly onError?: (error: unknown) => void;
}

/** A page and its agent, both served. */
export interface Chat {
  /** The page's address. */
  readonly url: string;
  readonly agent: RunningServer;
  close(): Promise<void>;
}

/** Serves the page on one origin and the agent on another, which lets in that page and no other. */
export async function serveChat(options: ChatOptions): Promise<Chat> {
  const { pace = everyMs(45), tokenSeconds = 60, publicUrl = ({ url }) => url, onError = () => {} } = options;
  const tokens = createTokens(randomBytes(32), tokenSeconds);
  let agentUrl = "";
  const page = await servePage({ port: options.pagePort, script: options.script, tokens, agentUrl: () => agentUrl });
  try {
    const agent = await serve(createTalker(pace), {
      port: options.agentPort,
      allowedOrigins: [page.origin],
      apiKeys: tokens.check,
      onError,
    });
    agentUrl = await publicUrl(agent);
    return {
      url: page.origin,
      agent,
      close: async () => {
        await Promise.all([page.close(), agent.close()]);
      },
    };
  } catch (error) {
    await page.close();
    throw error;
  }
}
