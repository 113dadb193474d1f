/**
 * What becomes of approvals that a stream comes to: ask whoever is at the terminal, stop: the stream ends there, wait: others decide,
 * approve or reject them all. In a file of its own: the command line names them, and loads nothing else.
 */
export const ON_APPROVAL = ["ask", "stop", "wait", "approve", "reject"] as const;

/** One of them. */
export type OnApproval = (typeof ON_APPROVAL)[number];
