// Made by `npm run generate` from protocol/; do not edit.
import type { Validator } from "../validator.ts";

export declare const validateStart: Validator;
export declare const validateResume: Validator;
export declare const validateAck: Validator;
export declare const validateCancel: Validator;
export declare const validateApproval: Validator;
export declare const validateAuth: Validator;
export declare const validateRunRequest: Validator;
export declare const validateRunRequestV1: Validator;
export declare const validateCancelRequest: Validator;
