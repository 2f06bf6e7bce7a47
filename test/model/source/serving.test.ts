import { describeServing } from "../../s3/serving.js";
import { serverKeys, startS3Server } from "../../support/s3-server.js";

describeServing("the tests' S3 server", async () => ({ ...(await startS3Server()), keys: serverKeys }));
