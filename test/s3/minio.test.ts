import { startMinio } from "./minio-server.js";
import { describeServing } from "./serving.js";
import { describeS3OverTls, describeS3Store } from "./suite.js";

describeS3Store("MinIO", () => startMinio(false));
describeS3Store("MinIO over TLS", () => startMinio(true));
describeS3OverTls("MinIO's certificate", () => startMinio(true));
describeServing("MinIO", () => startMinio(false));
