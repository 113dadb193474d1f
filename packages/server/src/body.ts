/**
 * Reads the JSON body of a request, no further than its limit.
 */
import { type JsonObject, parseJsonObject, RunAgentError } from "@runagent/core";

/**
 * The body as a JSON object.
 * @throws RunAgentError PAYLOAD_TOO_LARGE above `maxBytes` or nested too deep, VALIDATION_ERROR when it is not UTF-8 or not a JSON object.
 */
export async function readJsonBody(request: Request, maxBytes: number): Promise<JsonObject> {
  const bytes = await readBytes(request, maxBytes);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new RunAgentError("VALIDATION_ERROR", "The body is not UTF-8.");
  }
  return parseJsonObject(text, "body", "VALIDATION_ERROR");
}

async function readBytes(request: Request, maxBytes: number): Promise<Uint8Array> {
  const declared = Number(request.headers.get("content-length") ?? 0);
  if (declared > maxBytes) throw tooLarge(maxBytes);
  const chunks: Uint8Array[] = [];
  let total = 0;
  const reader = request.body?.getReader();
  if (reader === undefined) return new Uint8Array();
  for (;;) {
    const { done, value } = await reader.read().catch((cause: unknown) => {
      throw new RunAgentError("VALIDATION_ERROR", "The body broke off.", { cause });
    });
    if (done) return Buffer.concat(chunks);
    total += value.byteLength;
    if (total > maxBytes) {
      await reader.cancel();
      throw tooLarge(maxBytes);
    }
    chunks.push(value);
  }
}

function tooLarge(maxBytes: number): RunAgentError {
  return new RunAgentError("PAYLOAD_TOO_LARGE", `The body is larger than ${maxBytes} bytes (maxBodyBytes).`);
}
