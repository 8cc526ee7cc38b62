// A bucket: objects are uploaded, as text and as a stream, listed, read and deleted.
// It reads the standard variables only. A second argument names the bucket.
import { Readable } from "node:stream";
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const Bucket = process.argv[2];
const client = new S3Client({});
await client.send(new CreateBucketCommand({ Bucket }));

const text = { Bucket, Key: "notes/é + 1.txt", Body: "text", Metadata: { by: "me" } };
await client.send(new PutObjectCommand(text));
const pieces = ["one,", "two,", "three"];
await client.send(
  new PutObjectCommand({
    Bucket,
    Key: "stream",
    Body: Readable.from(pieces.map((piece) => Buffer.from(piece))),
    ContentLength: pieces.join("").length,
  }),
);

const { Contents } = await client.send(new ListObjectsV2Command({ Bucket }));
console.log("keys:", Contents.map((object) => object.Key).join());
for (const { Key } of Contents) {
  const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
  console.log("object:", await Body.transformToString());
}

const Key = "presigned";
const put = await getSignedUrl(client, new PutObjectCommand({ Bucket, Key }), { expiresIn: 60 });
console.log("put:", (await fetch(put, { method: "PUT", body: "by URL" })).status);
const get = await getSignedUrl(client, new GetObjectCommand({ Bucket, Key }), { expiresIn: 60 });
console.log("get:", await (await fetch(get)).text());
try {
  await client.send(new GetObjectCommand({ Bucket, Key: "missing" }));
} catch (error) {
  console.log("missing:", error.name);
}

for (const each of [...Contents.map((object) => object.Key), Key]) {
  await client.send(new DeleteObjectCommand({ Bucket, Key: each }));
}
await client.send(new DeleteBucketCommand({ Bucket }));
console.log("bucket: gone");
