import { listOf, object, string } from "../../../src/api/fields.js";
import { ConfigurationError } from "../../../src/errors.js";
import { HttpConnection } from "./http.js";
import type { TargetOptions } from "./target.js";

const models = object({ data: listOf(object({ id: string }), { minItems: 1 }) });

/**
 * What an OpenAI API lists first.
 *
 * @throws {ConfigurationError} when it cannot be asked, or lists none.
 */
export async function firstModelId(target: TargetOptions): Promise<string> {
  const connection = new HttpConnection(target);
  try {
    const { data } = models.read(JSON.parse(await connection.get("/v1/models")), "");
    return data[0]?.id ?? "";
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigurationError(`${target.address}/v1/models does not tell the model: ${why}; give --model-id`, {
      cause,
    });
  } finally {
    connection.close();
  }
}
