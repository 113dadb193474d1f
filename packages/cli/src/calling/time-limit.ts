/** How many milliseconds a call may still take; undefined: as many as it likes. */
export type TimeLeft = () => number | undefined;

/** Less than this is no time that has passed: messages name what was asked for. */
const TOLERANCE_MS = 50;

/**
 * Starts the time of a call, which bounds the whole of it: the question which agent a server has, too.
 * @param seconds What was typed; default: RUNAGENT_TIMEOUT, which the client checks.
 */
export function startTimeLimit(seconds: number | undefined): TimeLeft {
  const limitMs = Math.round((seconds ?? Number(process.env.RUNAGENT_TIMEOUT?.trim())) * 1000);
  if (!(limitMs > 0)) return () => undefined;
  const beganMs = performance.now();
  return () => {
    const passedMs = Math.round(performance.now() - beganMs);
    return passedMs < TOLERANCE_MS ? limitMs : Math.max(limitMs - passedMs, 1);
  };
}
