/**
 * What KServe, OpenShift and Amazon's tools call the settings of an S3 connection. For each one the first name that is
 * set wins, and every key of the JSON wins over the environment. docs/model-sources.md has this table, and a test
 * holds the two together.
 */
export interface S3Name {
  /** Keys in the JSON of `STORAGE_OVERRIDE_CONFIG` and `STORAGE_CONFIG`, the former before the latter. */
  readonly json: readonly string[];
  readonly env: readonly string[];
  readonly meaning: string;
}

export const s3Names = {
  endpoint: {
    json: ["endpoint_url"],
    env: ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_S3_ENDPOINT", "S3_ENDPOINT"],
    meaning: "The server; Amazon's if not set. Without a scheme, S3_USE_HTTPS decides.",
  },
  useHttps: {
    json: [],
    env: ["S3_USE_HTTPS"],
    meaning: "0 or false: http for an endpoint without a scheme. Otherwise https.",
  },
  region: {
    json: ["region"],
    env: ["AWS_REGION", "AWS_DEFAULT_REGION"],
    meaning: "us-east-1 if not set.",
  },
  bucket: {
    json: ["bucket", "default_bucket"],
    env: ["AWS_S3_BUCKET"],
    meaning: "The bucket of a URI without one: s3:///prefix.",
  },
  accessKeyId: {
    json: ["access_key_id"],
    env: ["AWS_ACCESS_KEY_ID"],
    meaning: "The key's name. Together with the next, from the same place.",
  },
  secretAccessKey: {
    json: ["secret_access_key"],
    env: ["AWS_SECRET_ACCESS_KEY"],
    meaning: "The key. Never printed.",
  },
  sessionToken: {
    json: [],
    env: ["AWS_SESSION_TOKEN"],
    meaning: "With temporary keys of the environment. Never printed.",
  },
  anonymous: {
    json: ["anonymous"],
    env: ["awsAnonymousCredential"],
    meaning: "true: requests are not signed.",
  },
  verifyTls: {
    json: ["verify_ssl"],
    env: ["S3_VERIFY_SSL"],
    meaning: "0 or false: any certificate is taken. Otherwise it is verified.",
  },
  caBundle: {
    json: ["ca_bundle"],
    env: ["AWS_CA_BUNDLE"],
    meaning: "A PEM file with the authorities to trust; it must exist.",
  },
  caText: {
    json: ["certificate"],
    env: [],
    meaning: "The same as PEM text: ModelMesh's name.",
  },
  caConfigMap: {
    json: ["cabundle_configmap"],
    env: ["AWS_CA_BUNDLE_CONFIGMAP", "CA_BUNDLE_CONFIGMAP_NAME"],
    meaning: "Is set where KServe mounts the file cabundle.crt of a ConfigMap, which is then trusted.",
  },
  caMountPoint: {
    json: [],
    env: ["CA_BUNDLE_VOLUME_MOUNT_POINT"],
    meaning: "Where it is mounted: /etc/ssl/custom-certs if not set.",
  },
  virtualHost: {
    json: [],
    env: ["S3_USER_VIRTUAL_BUCKET"],
    meaning: "true: the bucket is part of the host's name. Otherwise, with an endpoint, part of the path.",
  },
  accelerate: {
    json: [],
    env: ["S3_USE_ACCELERATE"],
    meaning: "true: Amazon's accelerated endpoint; counts only without an endpoint.",
  },
  connectTimeout: {
    json: [],
    env: ["S3_CONNECT_TIMEOUT"],
    meaning: "Seconds to wait for a connection: 15 if not set.",
  },
  readTimeout: {
    json: [],
    env: ["S3_READ_TIMEOUT"],
    meaning: "Seconds to wait for the next bytes: 30 if not set.",
  },
} as const satisfies Readonly<Record<string, S3Name>>;

export type S3NameKey = keyof typeof s3Names;
