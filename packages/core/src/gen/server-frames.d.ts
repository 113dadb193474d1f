// Made by `npm run generate` from protocol/; do not edit.
import type { Validator } from "../validator.ts";

export declare const validateStreamStarted: Validator;
export declare const validateData: Validator;
export declare const validateEvent: Validator;
export declare const validateHeartbeat: Validator;
export declare const validateStreamCompleted: Validator;
export declare const validateStreamCancelled: Validator;
export declare const validateError: Validator;
export declare const validateCancelAcknowledged: Validator;
export declare const validateApprovalAcknowledged: Validator;
export declare const validateAuthAcknowledged: Validator;
