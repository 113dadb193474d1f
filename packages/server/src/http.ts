/**
 * The HTTP side, as one function from Request to Response: every route, and the envelope around every answer.
 */
import { randomUUID } from "node:crypto";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import {
  assertId,
  check,
  type Invocation as InvocationInfo,
  RunAgentError,
  validateApprovalRequest,
  validateCancelRequest,
} from "@runagent/core";
import { type Context, Hono } from "hono";
import type { Agent } from "./agent.ts";
import { bearerToken } from "./auth.ts";
import { readJsonBody } from "./body.ts";
import { type DecisionRequest, decideApproval } from "./decide.ts";
import { describeAgent, describeInvocation, describeStats, listInvocation, PROTOCOL_VERSIONS } from "./describe.ts";
import {
  ANSWER_HEADERS,
  type EnvelopeExtra,
  errorEnvelope,
  errorHeaders,
  publicError,
  statusOf,
  successEnvelope,
  successText,
} from "./envelope.ts";
import type { Invocation } from "./invocation.ts";
import { openCursor, openStart } from "./opening.ts";
import type { Principal } from "./options.ts";
import { runOverHttp } from "./run.ts";
import type { Services } from "./services.ts";
import { checkAccept, readCursor, readStartBody, type SseRequest, streamOverSse } from "./sse.ts";
import type { NodeResponse } from "./sse-response.ts";
import { SERVER_VERSION } from "./version.ts";

/** What a request carries from one step to the next. */
export interface HttpEnv {
  Bindings: { outgoing: NodeResponse };
  Variables: {
    requestId: string;
    /** The origin to allow in CORS headers. */
    origin: string | undefined;
    /** What a version 2 answer says beside the data; set once the request is known to be one. */
    extra: EnvelopeExtra;
  };
}

type HttpContext = Context<HttpEnv>;
type Handler = (c: HttpContext) => Response | Promise<Response>;

const SERVER_NAME = "@runagent/server";
const STATUSES: ReadonlySet<string> = new Set<InvocationInfo["status"]>([
  "running",
  "waiting_approval",
  "completed",
  "failed",
  "cancelled",
]);
const DEFAULT_LIST_LIMIT = 50;
const MAX_LIST_LIMIT = 1000;

/** Builds the HTTP side of a server. */
export function createHttpApp(services: Services): {
  fetch(request: Request, outgoing: NodeResponse): Response | Promise<Response>;
} {
  const app = new Hono<HttpEnv>();
  const startedMs = performance.now();
  guard(app, services);

  route(app, "/api/v1", {
    GET: async (c) => {
      await authenticate(c, services);
      const agents = [...services.agents.values()].map(({ id, entrypoints }) => ({ agent_id: id, entrypoints: [...entrypoints.keys()] }));
      return succeed(c, { server: SERVER_NAME, version: SERVER_VERSION, protocol_versions: PROTOCOL_VERSIONS, agents });
    },
  });
  route(app, "/api/v1/health", {
    GET: (c) => {
      const timestamp = new Date().toISOString();
      const uptime = Math.round(performance.now() - startedMs) / 1000;
      // Whoever probes a server needs no key for this; who may not call learns no names.
      const agents = services.authenticator.required ? {} : { agents: [...services.agents.keys()] };
      return succeed(c, { status: "healthy", server: SERVER_NAME, version: SERVER_VERSION, timestamp, uptime_seconds: uptime, ...agents });
    },
  });
  addAgentRoutes(app, services);
  addInvocationRoutes(app, services);

  app.notFound((c) => fail(c, new RunAgentError("VALIDATION_ERROR", "There is no such route.", { field: "path" }), 404));
  app.onError((cause, c) => {
    const error = publicError(cause);
    if (error !== cause) services.onError(cause, { where: "http", requestId: c.get("requestId") });
    return fail(c, error);
  });
  return { fetch: (request, outgoing) => app.fetch(request, { outgoing }) };
}

function addAgentRoutes(app: Hono<HttpEnv>, services: Services): void {
  route(app, "/api/v1/agents/:agent_id/architecture", {
    GET: async (c) => {
      await authenticate(c, services);
      return succeed(c, describeAgent(findAgent(c, services)));
    },
  });
  route(app, "/api/v1/agents/:agent_id/run", {
    POST: async (c) => {
      const principal = await authenticate(c, services);
      const agent = findAgent(c, services);
      const body = await readJsonBody(c.req.raw, services.limits.maxBodyBytes);
      const answer = await runOverHttp(body, agent, principal, services, (extra) => c.set("extra", extra));
      return answerWith(c, successText(answer.data, c.get("requestId"), c.get("extra")), answer.status);
    },
  });
  route(app, "/api/v1/agents/:agent_id/run-stream", {
    POST: async (c) => {
      checkAccept(c.req.header("accept"));
      const read = async () => {
        const frame = readStartBody(await readJsonBody(c.req.raw, services.limits.maxBodyBytes));
        const token = frame.auth?.token ?? bearerToken(c.req.header("authorization"));
        const principal = await services.authenticator.authenticate(token);
        const { id } = findAgent(c, services);
        return { principal, open: () => openStart(frame, id, principal, services) };
      };
      return stream(c, services, read);
    },
    GET: (c) => {
      const error = new RunAgentError("VALIDATION_ERROR", "This route is a WebSocket: connect with an Upgrade.", { field: "Upgrade" });
      return fail(c, error, 426, { Upgrade: "websocket" });
    },
  });
  route(app, "/api/v1/agents/:agent_id/invocations", {
    GET: async (c) => {
      const principal = await authenticate(c, services);
      const agent = findAgent(c, services);
      const limit = readListLimit(c.req.query("limit"));
      const status = readStatus(c.req.query("status"));
      const all = services.registry.list(agent.id, principal);
      const found = status === undefined ? all : all.filter((invocation) => invocation.status === status);
      const invocations = found.slice(0, limit).map(listInvocation);
      return succeed(c, { agent_id: agent.id, invocations, total_count: found.length });
    },
  });
  route(app, "/api/v1/agents/:agent_id/invocations/stats", {
    GET: async (c) => {
      const principal = await authenticate(c, services);
      const agent = findAgent(c, services);
      return succeed(c, describeStats(agent.id, services.registry.list(agent.id, principal)));
    },
  });
}

function addInvocationRoutes(app: Hono<HttpEnv>, services: Services): void {
  route(app, "/api/v1/invocations/:invocation_id", {
    GET: async (c) => succeed(c, describeInvocation(await findInvocation(c, services))),
  });
  route(app, "/api/v1/invocations/:invocation_id/stream", {
    GET: (c) => {
      const read = async () => {
        const principal = await authenticate(c, services);
        const id = readInvocationId(c);
        const cursor = readCursor(id, c.req.header("last-event-id"), c.req.query("after"));
        return { principal, open: () => openCursor(id, cursor, c.req.queries("only"), principal, services) };
      };
      return stream(c, services, read);
    },
  });
  route(app, "/api/v1/invocations/:invocation_id/cancel", {
    POST: async (c) => {
      const invocation = await findInvocation(c, services);
      const body = await readJsonBody(c.req.raw, services.limits.maxBodyBytes);
      check(validateCancelRequest, body, "VALIDATION_ERROR", "body");
      const mode = body.mode === "after_turn" ? "after_turn" : "immediate";
      const { cancelOutcome: outcome } = invocation;
      invocation.cancel(mode, "A client cancelled.");
      return succeed(c, { invocation_id: invocation.request.invocationId, mode, outcome });
    },
  });
  route(app, "/api/v1/invocations/:invocation_id/approvals", {
    POST: async (c) => {
      const principal = await authenticate(c, services);
      const id = readInvocationId(c);
      const body = await readJsonBody(c.req.raw, services.limits.maxBodyBytes);
      check(validateApprovalRequest, body, "VALIDATION_ERROR", "body");
      const request = body as unknown as DecisionRequest;
      await decideApproval(services.registry.find(id), request, principal, services);
      return succeed(c, { approval_id: request.approval_id, decision: request.decision, outcome: "accepted" });
    },
  });
}

/** Answers with a stream, past Hono: Node's own response tells when the client takes no more, and when it is gone. */
async function stream(c: HttpContext, services: Services, read: SseRequest["read"]): Promise<Response> {
  // Hono answers HEAD as GET.
  if (c.req.raw.method === "HEAD") return failMethod(c, "GET");
  await streamOverSse({ response: c.env.outgoing, headers: corsHeaders(c), read }, services);
  return RESPONSE_ALREADY_SENT;
}

/** Registers the handlers of a path; any other method is 405. */
function route(app: Hono<HttpEnv>, path: string, handlers: Readonly<Record<string, Handler>>): void {
  for (const [method, handler] of Object.entries(handlers)) app.on(method, path, handler);
  const allowed = Object.keys(handlers).join(", ");
  app.all(path, (c) => failMethod(c, allowed));
}

function failMethod(c: HttpContext, allowed: string): Response {
  const error = new RunAgentError("VALIDATION_ERROR", `This route takes ${allowed} only.`, { field: "method" });
  return fail(c, error, 405, { Allow: allowed });
}

/** What comes before every route: a request id, Host and Origin, and the answer to CORS preflights. */
function guard(app: Hono<HttpEnv>, services: Services): void {
  app.use(async (c, next) => {
    c.set("requestId", randomUUID());
    const origin = services.access.check({ host: c.req.header("host"), origin: c.req.header("origin") });
    c.set("origin", origin);
    if (c.req.method !== "OPTIONS" || origin === undefined || c.req.header("access-control-request-method") === undefined) return next();
    const preflight = {
      "Access-Control-Allow-Methods": "GET, POST",
      "Access-Control-Allow-Headers": "Authorization, Content-Type, Last-Event-ID",
      "Access-Control-Max-Age": "600",
    };
    return new Response(null, { status: 204, headers: { ...corsHeaders(c), ...preflight } });
  });
}

function corsHeaders(c: HttpContext): Record<string, string> {
  const origin = c.get("origin");
  if (origin === undefined) return { Vary: "Origin" };
  return { Vary: "Origin", "Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": "Retry-After" };
}

function succeed(c: HttpContext, data: unknown): Response {
  return answerWith(c, JSON.stringify(successEnvelope(data, c.get("requestId"), c.get("extra"))));
}

function answerWith(c: HttpContext, body: string, status = 200): Response {
  return new Response(body, { status, headers: { ...ANSWER_HEADERS, ...corsHeaders(c) } });
}

function fail(c: HttpContext, error: RunAgentError, status = statusOf(error), headers: Record<string, string> = {}): Response {
  const body = JSON.stringify({ ...errorEnvelope(error, c.get("requestId")), ...c.get("extra") });
  return new Response(body, { status, headers: { ...ANSWER_HEADERS, ...corsHeaders(c), ...errorHeaders(error), ...headers } });
}

async function authenticate(c: HttpContext, services: Services): Promise<Principal> {
  return services.authenticator.authenticate(bearerToken(c.req.header("authorization")));
}

function findAgent(c: HttpContext, services: Services): Agent {
  const id = c.req.param("agent_id");
  assertId(id, "agent_id");
  const agent = services.agents.get(id);
  if (agent !== undefined) return agent;
  throw new RunAgentError("AGENT_NOT_FOUND", `There is no agent ${id} here.`, { field: "agent_id" });
}

async function findInvocation(c: HttpContext, services: Services): Promise<Invocation> {
  const principal = await authenticate(c, services);
  return services.registry.get(readInvocationId(c), principal);
}

function readInvocationId(c: HttpContext): string {
  const id = c.req.param("invocation_id");
  assertId(id, "invocation_id");
  return id;
}

function readListLimit(text: string | undefined): number {
  const limit = text === undefined ? DEFAULT_LIST_LIMIT : /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= MAX_LIST_LIMIT) return limit;
  throw new RunAgentError("VALIDATION_ERROR", `limit must be a whole number from 1 to ${MAX_LIST_LIMIT}.`, { field: "limit" });
}

function readStatus(text: string | undefined): string | undefined {
  if (text === undefined || STATUSES.has(text)) return text;
  throw new RunAgentError("VALIDATION_ERROR", `status must be one of ${[...STATUSES].join(", ")}.`, { field: "status" });
}
