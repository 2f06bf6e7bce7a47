/** What a client may ask of the original and not of this server: refused in the original's words, never ignored. */
import { status } from "@grpc/grpc-js";
import type { RequestLimits } from "../../../engine/request.js";
import { checkParameters } from "../../../engine/validation.js";
import { StatusError } from "../../errors.js";
import { wordUnknownPrefix } from "../../tgis-texts.js";
import {
  DecodingParameters_ResponseFormat as ResponseFormat,
  type BatchedGenerationRequest,
  type DecodingParameters,
  type SingleGenerationRequest,
} from "../generated/fmaas/generation_pb.js";
import { toEngineRequest } from "./engine-request.js";
import { toTgisError } from "./errors.js";

type GenerateRequest = BatchedGenerationRequest | SingleGenerationRequest;

/** The fields of the proto by the names that the generated types give them. */
const guidedFields = {
  format: "format",
  jsonSchema: "json_schema",
  regex: "regex",
  choice: "choice",
  grammar: "grammar",
} as const satisfies Record<NonNullable<DecodingParameters["guided"]["case"]>, string>;

/**
 * The adapter comes first, as in the successor of TGIS; the prefix behind the rules on parameters and before those on
 * length, as in TGIS.
 * @throws {StatusError} INVALID_ARGUMENT.
 */
export function refuseUnservable(message: GenerateRequest, limits: RequestLimits): void {
  refuseAdapter(message.adapterId);
  refuseGuidedDecoding(message.params?.decoding);
  if (isGiven(message.prefixId)) {
    refuseBrokenParameters(message, limits);
    refusePrefix(message.prefixId);
  }
}

/** @throws {StatusError} INVALID_ARGUMENT when an adapter is asked for. */
export function refuseAdapter(id: string | undefined): void {
  if (!isGiven(id)) return;
  throw new StatusError(status.INVALID_ARGUMENT, "adapter_id supplied but no adapter store was configured");
}

/** @throws {StatusError} INVALID_ARGUMENT when a tuned prompt is asked for. */
export function refusePrefix(id: string | undefined): void {
  if (isGiven(id)) throw new StatusError(status.INVALID_ARGUMENT, wordUnknownPrefix(id));
}

/** An empty id, which TGIS looks up and fails on, counts as absent. */
function isGiven(id: string | undefined): id is string {
  return id !== undefined && id !== "";
}

function refuseGuidedDecoding(decoding: DecodingParameters | undefined): void {
  const { case: field, value } = decoding?.guided ?? {};
  if (field === undefined || value === ResponseFormat.TEXT) return; // text is what there is without it
  throw new StatusError(
    status.INVALID_ARGUMENT,
    `guided decoding is not supported: decoding.${guidedFields[field]} must not be set`,
  );
}

function refuseBrokenParameters({ params }: GenerateRequest, limits: RequestLimits): void {
  try {
    checkParameters(toEngineRequest("", params), limits, () => 0n);
  } catch (error) {
    throw toTgisError(error);
  }
}
