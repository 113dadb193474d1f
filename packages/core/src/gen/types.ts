// Made by `npm run generate` from protocol/; do not edit.
/**
 * Position of a record in its log: 1, 2, 3, without gaps.
 */
export type Seq = number
/**
 * RFC 3339 date and time with an offset.
 */
export type Timestamp = string
/**
 * What was decided about an approval.
 */
export type Decision = ("approve" | "reject")
/**
 * Names an agent. One path segment.
 */
export type AgentId = string
/**
 * Names an entrypoint of an agent. A tag that ends in _stream streams.
 */
export type EntrypointTag = string
/**
 * Names one invocation. Chosen by the client in version 2, by the server in version 1. One path segment.
 */
export type InvocationId = string
/**
 * immediate: stop now. after_turn: stop when the turn in progress is complete.
 */
export type Mode = ("immediate" | "after_turn")
/**
 * Protocol version of this frame.
 */
export type Protocol = 2
/**
 * Names one incarnation of a log.
 */
export type Epoch = string
/**
 * The seq of a record, or 0 for the place before the first.
 */
export type Position = number
/**
 * Bytes of record frames that may be sent and not yet acknowledged.
 */
export type WindowBytes = number
/**
 * The records that the client wants: types of events, and data for chunks. Absent: all. Approvals and the terminal record always come.
 */
export type Only = string[]

/**
 * Client frame: the consumer has taken every record up to seq. Cumulative; opens the window.
 */
export interface AckFrame {
type: "ack"
seq: Seq
}
/**
 * What the model sent, passed through.
 */
export interface RawResponseEvent {
type: "raw_response_event"
/**
 * For example response.output_text.delta.
 */
name: string
/**
 * The model's event.
 */
data: unknown
}
/**
 * A tool is called.
 */
export interface ToolCallItem {
/**
 * Names the call in its output and its approval.
 */
call_id: string
tool_name: string
/**
 * What the tool is called with.
 */
arguments: unknown
[k: string]: unknown | undefined
}
/**
 * What a tool call came to.
 */
export interface ToolOutputItem {
call_id: string
tool_name?: string
/**
 * What the tool returned, or a sentence about why it did not.
 */
output: unknown
/**
 * true: the tool failed.
 */
is_error?: boolean
/**
 * true: the call was rejected, and the tool did not run.
 */
rejected?: boolean
[k: string]: unknown | undefined
}
/**
 * One agent hands over to another.
 */
export interface HandoffItem {
from: string
to: string
[k: string]: unknown | undefined
}
/**
 * What the model thought.
 */
export interface ReasoningItem {
text: string
[k: string]: unknown | undefined
}
/**
 * A message is complete.
 */
export interface MessageOutputEvent {
type: "run_item_event"
name: "message_output_created"
item: Message
}
/**
 * A chunk that is a message.
 */
export interface Message {
role: string
/**
 * The pieces, in order.
 */
parts: MessagePart[]
status: ("in_progress" | "incomplete" | "completed")
[k: string]: unknown | undefined
}
export interface MessagePart {
type: string
text?: string
[k: string]: unknown | undefined
}
/**
 * A tool is called.
 */
export interface ToolCalledEvent {
type: "run_item_event"
name: "tool_called"
item: ToolCallItem
}
/**
 * A tool call is over.
 */
export interface ToolOutputEvent {
type: "run_item_event"
name: "tool_output"
item: ToolOutputItem
}
/**
 * An agent wants to hand over.
 */
export interface HandoffRequestedEvent {
type: "run_item_event"
name: "handoff_requested"
item: HandoffItem
}
/**
 * An agent has handed over. The older spelling handoff_occured is read as this.
 */
export interface HandoffOccurredEvent {
type: "run_item_event"
name: "handoff_occurred"
item: HandoffItem
}
/**
 * The model has thought.
 */
export interface ReasoningEvent {
type: "run_item_event"
name: "reasoning_item_created"
item: ReasoningItem
}
/**
 * One tool call that waits for a decision.
 */
export interface ApprovalRequest {
tool_name: string
/**
 * What the tool would be called with.
 */
arguments: unknown
/**
 * The tool call that it is about, as tool_called names it.
 */
call_id?: string
[k: string]: unknown | undefined
}
/**
 * The invocation waits for a decision.
 */
export interface ApprovalRequiredEvent {
type: "approval_required"
approval_id: string
requests: ApprovalRequest[]
expires_at?: Timestamp
}
/**
 * A decision was made.
 */
export interface ApprovalDecidedEvent {
type: "approval_decided"
approval_id: string
decision: Decision
reason?: string
decided_by?: string
}
/**
 * Another agent took over.
 */
export interface AgentUpdatedEvent {
type: "agent_updated"
agent: AgentIdentity
}
/**
 * The agent that answers from here on.
 */
export interface AgentIdentity {
name: string
[k: string]: unknown | undefined
}
/**
 * A turn is complete: the boundary that cancel after_turn waits for.
 */
export interface TurnCompletedEvent {
type: "turn_completed"
turn: number
}
/**
 * What an agent tells beside its chunks. The union is open: an unknown type reaches the user untouched.
 */
export interface AgentEvent {
type: string
[k: string]: unknown | undefined
}
/**
 * Server frame, not a record: answers approval.
 */
export interface ApprovalAcknowledgedFrame {
type: "status"
status: "approval_acknowledged"
approval_id: string
/**
 * The decision that stands.
 */
decision?: ("approve" | "reject")
/**
 * accepted: this decision won. refused: error says why (ALREADY_DECIDED, VALIDATION_ERROR, PERMISSION_ERROR).
 */
outcome: ("accepted" | "refused")
error?: WireError
}
/**
 * One error, as it travels. The code is one of errors.yaml; a reader maps an unknown code by its HTTP status, else to SERVER_ERROR.
 */
export interface WireError {
/**
 * Stable, upper-case name from errors.yaml.
 */
code: string
/**
 * A full sentence for people.
 */
message: string
/**
 * What to do about it.
 */
suggestion?: (string | null)
/**
 * More, as structured data.
 */
details?: unknown
/**
 * The path of the input field that was refused.
 */
field?: (string | null)
}
/**
 * Body of POST /invocations/{invocation_id}/approvals.
 */
export interface ApprovalDecision {
approval_id: string
decision: Decision
reason?: string
}
/**
 * Client frame: decides an approval.
 */
export interface ApprovalFrame {
type: "approval"
/**
 * From the approval_required event.
 */
approval_id: string
decision: Decision
/**
 * Why, for the agent and the record.
 */
reason?: string
}
/**
 * data of GET /agents/{agent_id}/architecture.
 */
export interface Architecture {
agent_id?: AgentId
agent_name?: string
version?: string
entrypoints: EntrypointInfo[]
/**
 * Absent on version 1 servers.
 */
protocol_versions?: number[]
/**
 * Optional parts this server has: resume, flow_control, heartbeat, sse, approvals, after_turn.
 */
features?: string[]
}
export interface EntrypointInfo {
tag: EntrypointTag
description?: (string | null)
streaming?: boolean
input_schema?: JsonSchemaObject
output_schema?: JsonSchemaObject
[k: string]: unknown | undefined
}
/**
 * A JSON Schema 2020-12.
 */
export interface JsonSchemaObject {
[k: string]: unknown | undefined
}
/**
 * Server frame, not a record: answers auth. A refused credential is an error frame without seq instead.
 */
export interface AuthAcknowledgedFrame {
type: "status"
status: "auth_acknowledged"
}
/**
 * Client frame: replaces the credential of this connection.
 */
export interface AuthFrame {
type: "auth"
/**
 * API key or token, without a scheme.
 */
token: string
}
/**
 * Server frame, not a record: answers cancel.
 */
export interface CancelAcknowledgedFrame {
type: "status"
status: "cancel_acknowledged"
invocation_id: InvocationId
mode: Mode
/**
 * accepted: a cancelled terminal record follows, unless the agent completes first. already_ended: the race was lost, the invocation had ended.
 */
outcome: ("accepted" | "already_ended")
}
/**
 * Body of POST /invocations/{invocation_id}/cancel.
 */
export interface CancelRequest {
mode: Mode
}
/**
 * data of POST /invocations/{invocation_id}/cancel.
 */
export interface CancelResult {
invocation_id: InvocationId
mode: Mode
outcome: ("accepted" | "already_ended")
}
/**
 * Client frame: asks the server to stop the invocation of this connection.
 */
export interface CancelFrame {
type: "cancel"
mode: Mode
}
/**
 * A credential inside a frame, for clients that cannot set headers.
 */
export interface Auth {
/**
 * API key or token, without a scheme.
 */
token: string
}
/**
 * Server frame and record: one chunk.
 */
export interface DataFrame {
type: "data"
seq: Seq
/**
 * The chunk: any JSON value, null included.
 */
content: unknown
}
/**
 * Every answer that is not SSE.
 */
export interface Envelope {
success: boolean
/**
 * The answer; null when success is false.
 */
data?: unknown
/**
 * One line for people.
 */
message?: (string | null)
/**
 * null when success is true. Version 1 servers may send a plain string.
 */
error?: (WireError | string | null)
timestamp?: Timestamp
/**
 * Names this request in the server's log.
 */
request_id?: string
/**
 * 2 on answers to version 2 requests.
 */
protocol?: number
invocation_id?: InvocationId
}
/**
 * Server frame. With seq: a terminal record, the invocation failed. Without: the start or resume was refused, or this connection ends; the log is untouched.
 */
export interface ErrorFrame {
type: "error"
seq?: Seq
invocation_id?: InvocationId
error: WireError
/**
 * Data records in the whole log.
 */
total_chunks?: number
/**
 * Seconds from start to end.
 */
execution_time?: number
}
/**
 * Server frame and record: one typed event.
 */
export interface EventFrame {
type: "event"
seq: Seq
event: AgentEvent
}
/**
 * Client frame: what this connection is sent from now on.
 */
export interface FilterFrame {
type: "filter"
only: Only
}
/**
 * data of GET /health.
 */
export interface Health {
status: string
/**
 * Name of the server software.
 */
server?: string
version?: string
timestamp?: Timestamp
uptime_seconds?: number
/**
 * Ids of the agents served.
 */
agents?: AgentId[]
}
/**
 * Server frame, not a record: the connection lives. seq is the last record sent on it.
 */
export interface HeartbeatFrame {
type: "heartbeat"
seq: Position
}
/**
 * data of GET /agents/{agent_id}/invocations.
 */
export interface InvocationList {
agent_id: AgentId
invocations: Invocation[]
total_count: number
}
/**
 * data of GET /invocations/{invocation_id}.
 */
export interface Invocation {
invocation_id: InvocationId
agent_id: AgentId
entrypoint_tag: EntrypointTag
status: ("running" | "waiting_approval" | "completed" | "failed" | "cancelled")
protocol?: number
started_at: Timestamp
ended_at?: (string | null)
/**
 * Seconds so far, or in all.
 */
execution_time?: number
total_chunks?: number
/**
 * Last record of the log.
 */
seq?: number
epoch?: Epoch
/**
 * What waits for a decision, each as its approval_required event has it. Absent: nothing.
 */
pending_approvals?: ApprovalRequiredEvent[]
/**
 * What a run returned; absent for streams and while running.
 */
result?: unknown
error?: (WireError | null)
}
/**
 * data of GET /agents/{agent_id}/invocations/stats.
 */
export interface InvocationStats {
agent_id: AgentId
stats: Stats
}
export interface Stats {
total: number
running: number
completed: number
failed: number
cancelled: number
/**
 * Seconds, over ended invocations; null when none ended.
 */
average_execution_time: (number | null)
}
/**
 * An agent that a process of this machine serves, as that process writes it down for clients that look for it by its id.
 */
export interface LocalAgent {
agent_id: AgentId
/**
 * What the server listens on; 0.0.0.0 and :: mean this machine, too.
 */
host: string
port: number
/**
 * The process that serves it.
 */
pid: number
agent_name?: string
version?: string
/**
 * The folder of its runagent.config.json.
 */
folder?: string
/**
 * ISO 8601.
 */
started_at?: string
/**
 * ISO 8601; only there when the process has said that it stops serving.
 */
stopped_at?: string
}
/**
 * Client frame: attaches to an invocation after a record.
 */
export interface ResumeFrame {
type: "resume"
protocol: Protocol
invocation_id: InvocationId
epoch: Epoch
after_seq: Position
window_bytes?: WindowBytes
only?: Only
auth?: Auth
}
/**
 * Body of POST run and first WebSocket frame, version 1. Deployed clients may leave out input_args or input_kwargs on POST; extra fields are ignored.
 */
export interface RunRequestV1 {
entrypoint_tag: EntrypointTag
/**
 * Positional arguments.
 */
input_args?: unknown[]
/**
 * Named arguments.
 */
input_kwargs?: {
[k: string]: unknown | undefined
}
/**
 * The server ends the invocation with TIMEOUT after this many seconds.
 */
timeout_seconds?: number
/**
 * true: answer 202 at once, the result is read later.
 */
async_execution?: boolean
/**
 * Whose memory the agent uses.
 */
user_id?: (string | null)
/**
 * true: the agent may keep memory for user_id.
 */
persistent_memory?: (boolean | null)
}
/**
 * Body of POST run, version 2: the version 1 request with protocol and invocation_id.
 */
export interface RunRequest {
protocol: Protocol
invocation_id: InvocationId
entrypoint_tag: EntrypointTag
/**
 * Positional arguments.
 */
input_args: unknown[]
/**
 * Named arguments.
 */
input_kwargs: {
[k: string]: unknown | undefined
}
/**
 * The server ends the invocation with TIMEOUT after this many seconds.
 */
timeout_seconds?: number
/**
 * true: answer 202 at once, the result is read later.
 */
async_execution?: boolean
/**
 * Whose memory the agent uses.
 */
user_id?: (string | null)
/**
 * true: the agent may keep memory for user_id.
 */
persistent_memory?: (boolean | null)
}
/**
 * data of GET /api/v1: what serves here, and which agents this key may call.
 */
export interface ServerInfo {
/**
 * Name of the server software.
 */
server?: string
version?: string
protocol_versions?: number[]
agents: ServedAgent[]
}
export interface ServedAgent {
agent_id: AgentId
/**
 * Tags.
 */
entrypoints: EntrypointTag[]
}
/**
 * Server frame, not a record: stands for the records that the client did not want, so that the order has no gap.
 */
export interface SkippedFrame {
type: "skipped"
after: Position
seq: Seq
}
/**
 * Client frame: starts an invocation, or attaches to it when it was started before with the same content.
 */
export interface StartFrame {
type: "start"
protocol: Protocol
invocation_id: InvocationId
entrypoint_tag: EntrypointTag
/**
 * Positional arguments.
 */
input_args: unknown[]
/**
 * Named arguments.
 */
input_kwargs: {
[k: string]: unknown | undefined
}
/**
 * The server ends the invocation with TIMEOUT after this many seconds.
 */
timeout_seconds?: number
/**
 * true: answer 202 at once, the result is read later.
 */
async_execution?: boolean
/**
 * Whose memory the agent uses.
 */
user_id?: (string | null)
/**
 * true: the agent may keep memory for user_id.
 */
persistent_memory?: (boolean | null)
window_bytes?: WindowBytes
/**
 * What happens to the invocation when no client is attached any more. Default continue.
 */
on_disconnect?: ("continue" | "cancel")
only?: Only
auth?: Auth
}
/**
 * Server frame and terminal record: the invocation was cancelled.
 */
export interface StreamCancelledFrame {
type: "status"
status: "stream_cancelled"
seq: Seq
invocation_id: InvocationId
/**
 * Data records in the whole log.
 */
total_chunks: number
/**
 * Seconds from start to end.
 */
execution_time: number
mode: Mode
/**
 * Who or what cancelled it.
 */
reason?: string
}
/**
 * Server frame and terminal record: the agent finished.
 */
export interface StreamCompletedFrame {
type: "status"
status: "stream_completed"
seq: Seq
invocation_id: InvocationId
/**
 * Data records in the whole log.
 */
total_chunks: number
/**
 * Seconds from start to end.
 */
execution_time: number
/**
 * Where after_turn was asked for and no turn ended any more: a sentence that says so.
 */
reason?: string
}
/**
 * Server frame: the start or resume was accepted. The cursor exists from here on, before the first record.
 */
export interface StreamStartedFrame {
type: "status"
status: ("stream_started" | "stream_resumed")
protocol: Protocol
invocation_id: InvocationId
epoch: Epoch
/**
 * Records follow after this one: 0 on a start, after_seq on a resume.
 */
seq: number
/**
 * The lowest seq the log still has; 1 while nothing was trimmed.
 */
first_seq: number
/**
 * The server lets no more than this time pass without a frame. 0: it sends no heartbeats.
 */
heartbeat_seconds: number
/**
 * The log is kept this long after the last record. 0: it cannot be resumed.
 */
resume_seconds: number
/**
 * What the log survives: memory, nothing; disk, a restart; replicated, the loss of a node.
 */
durability: ("memory" | "disk" | "replicated")
/**
 * The last record of the log at this moment: what comes after it is new.
 */
last_seq?: number
/**
 * What waits for a decision at this moment, each as its approval_required event has it. Absent: nothing.
 */
pending_approvals?: ApprovalRequiredEvent[]
}
/**
 * Version 1 server frame: one chunk in content, or in data, payload or delta with some servers.
 */
export interface DataFrameV1 {
type: "data"
/**
 * A JSON string of {type, payload}, or the plain chunk.
 */
content?: unknown
/**
 * In place of content.
 */
data?: unknown
/**
 * In place of content.
 */
payload?: unknown
/**
 * In place of content.
 */
delta?: unknown
}
/**
 * Version 1 server frame: the stream failed (error) or was refused (detail).
 */
export interface ErrorFrameV1 {
type: "error"
/**
 * A sentence, or an error object.
 */
error?: unknown
/**
 * A sentence.
 */
detail?: unknown
}
/**
 * Version 1 server frame: stream_started, stream_completed, and the statuses listed in PROTOCOL.md.
 */
export interface StatusFrameV1 {
type: "status"
status: string
invocation_id?: string
total_chunks?: number
execution_time?: number
}
/**
 * What the JSON string in a version 1 result or chunk holds.
 */
export interface StructuredValueV1 {
type: ("string" | "integer" | "number" | "boolean" | "array" | "object" | "null")
/**
 * The value, as JSON text.
 */
payload: string
}
