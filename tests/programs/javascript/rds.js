// What RDS offers and what is there: a call of the query protocol, and an error of it.
import { DescribeDBClustersCommand, DescribeDBEngineVersionsCommand, RDSClient } from "@aws-sdk/client-rds";

const client = new RDSClient({});
const { DBEngineVersions } = await client.send(
  new DescribeDBEngineVersionsCommand({ Engine: "aurora-mysql" }),
);
console.log("engines:", [...new Set(DBEngineVersions.map((version) => version.Engine))].join());
try {
  await client.send(new DescribeDBClustersCommand({ DBClusterIdentifier: "no-such-cluster" }));
} catch (error) {
  console.log("error:", error.name, error.$metadata.httpStatusCode, Boolean(error.$metadata.requestId));
}
