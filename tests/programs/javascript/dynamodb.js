// A table with a stream: items are written, queried, read from the stream, and the table deleted.
// It reads the standard variables only: AWS_REGION, AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, ...
import {
  CreateTableCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  waitUntilTableExists,
  waitUntilTableNotExists,
} from "@aws-sdk/client-dynamodb";
import {
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
} from "@aws-sdk/client-dynamodb-streams";
import {
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
  paginateScan,
} from "@aws-sdk/lib-dynamodb";

const TableName = "sdk-for-javascript-songs";
const client = new DynamoDBClient({});
const documents = DynamoDBDocumentClient.from(client);
const streams = new DynamoDBStreamsClient({});
const wait = { client, minDelay: 1, maxDelay: 2, maxWaitTime: 300 };

await client.send(
  new CreateTableCommand({
    TableName,
    AttributeDefinitions: [
      { AttributeName: "artist", AttributeType: "S" },
      { AttributeName: "year", AttributeType: "N" },
    ],
    KeySchema: [
      { AttributeName: "artist", KeyType: "HASH" },
      { AttributeName: "year", KeyType: "RANGE" },
    ],
    BillingMode: "PAY_PER_REQUEST",
    StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_IMAGE" },
  }),
);
await waitUntilTableExists(wait, { TableName });
const { Table } = await client.send(new DescribeTableCommand({ TableName }));
console.log("table:", Table.TableStatus, Table.TableName);

for (const [year, title] of [[1970, "Kiko"], [1985, "Café ☕"], [1999, "Nine"]]) {
  const Item = { artist: "Ana", year, title, tags: new Set(["live"]), plays: { heard: 0.1 } };
  await documents.send(new PutCommand({ TableName, Item }));
}
const Key = { artist: "Ana", year: 1985 };
const { Item } = await documents.send(new GetCommand({ TableName, Key, ConsistentRead: true }));
console.log("item:", Item.title, Item.plays.heard, [...Item.tags].join());

const { Items } = await documents.send(
  new QueryCommand({
    TableName,
    KeyConditionExpression: "artist = :a AND #y > :y",
    ExpressionAttributeNames: { "#y": "year" },
    ExpressionAttributeValues: { ":a": "Ana", ":y": 1980 },
    ScanIndexForward: false,
  }),
);
console.log("query:", Items.map((song) => song.year).join());

try {
  await documents.send(
    new UpdateCommand({
      TableName,
      Key,
      UpdateExpression: "ADD plays.heard :one",
      ConditionExpression: "plays.heard > :one",
      ExpressionAttributeValues: { ":one": 1 },
    }),
  );
} catch (error) {
  console.log("condition:", error.name, error.$metadata.httpStatusCode);
}
await documents.send(
  new TransactWriteCommand({
    TransactItems: [
      { Delete: { TableName, Key } },
      { Put: { TableName, Item: { artist: "Ben", year: 2001 } } },
    ],
  }),
);
const left = [];
for await (const page of paginateScan({ client: documents, pageSize: 1 }, { TableName })) {
  left.push(...page.Items.map((song) => song.year));
}
console.log("scan:", left.sort().join());

const StreamArn = Table.LatestStreamArn;
const { StreamDescription } = await streams.send(new DescribeStreamCommand({ StreamArn }));
const seen = [];
for (const { ShardId } of StreamDescription.Shards) {
  let { ShardIterator } = await streams.send(
    new GetShardIteratorCommand({ StreamArn, ShardId, ShardIteratorType: "TRIM_HORIZON" }),
  );
  for (let round = 0; ShardIterator && seen.length < 5 && round < 50; round += 1) {
    const answer = await streams.send(new GetRecordsCommand({ ShardIterator }));
    seen.push(...answer.Records.map((record) => record.eventName));
    ShardIterator = answer.NextShardIterator;
  }
}
console.log("stream:", seen.sort().join());

await client.send(new DeleteTableCommand({ TableName }));
await waitUntilTableNotExists(wait, { TableName });
console.log("table: gone");
