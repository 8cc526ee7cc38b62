"""Which operations only read: after them nothing has to be kept, and nothing follows.

AWS's service models do not say so of an operation, and its name does not either: `GetSessionToken`
makes credentials. An operation that is not listed here may change something; keeping an account
that did not change costs a few milliseconds, and no more.
"""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# By the name that the service signs as; DynamoDB Streams sign as DynamoDB.
READS: dict[str, frozenset[str]] = {
    "budgets": _names("""
        DescribeBudget DescribeBudgetAction DescribeBudgetActionHistories
        DescribeBudgetActionsForAccount DescribeBudgetActionsForBudget
        DescribeBudgetNotificationsForAccount DescribeBudgetPerformanceHistory
        DescribeBudgets DescribeNotificationsForBudget
        DescribeSubscribersForNotification ListTagsForResource
    """),
    "dynamodb": _names("""
        BatchGetItem DescribeBackup DescribeBulkOperation DescribeContinuousBackups
        DescribeContributorInsights DescribeEndpoints DescribeExport
        DescribeGlobalTable DescribeGlobalTableSettings DescribeImport
        DescribeKinesisStreamingDestination DescribeLimits DescribeStream
        DescribeTable DescribeTableReplicaAutoScaling DescribeTimeToLive GetItem
        GetRecords GetResourcePolicy GetShardIterator ListBackups ListBulkOperations
        ListContributorInsights ListExports ListGlobalTables ListImports ListStreams
        ListTables ListTagsOfResource Query Scan TransactGetItems
    """),
    "ec2": _names("""
        DescribeAccountAttributes DescribeAddresses DescribeAvailabilityZones
        DescribeDhcpOptions DescribeFlowLogs DescribeIamInstanceProfileAssociations
        DescribeImages DescribeImageAttribute DescribeInstanceAttribute
        DescribeInstanceCreditSpecifications DescribeInstanceStatus
        DescribeInstanceTypeOfferings DescribeInstanceTypes DescribeInstances
        DescribeInternetGateways DescribeKeyPairs DescribeLaunchTemplates
        DescribeLaunchTemplateVersions DescribeManagedPrefixLists
        DescribeNatGateways DescribeNetworkAcls DescribeNetworkInterfaceAttribute
        DescribeNetworkInterfaces DescribePrefixLists DescribeRegions
        DescribeRouteTables DescribeSecurityGroupRules DescribeSecurityGroups
        DescribeSnapshots DescribeSpotPriceHistory DescribeSubnets DescribeTags
        DescribeVolumeStatus DescribeVolumes DescribeVolumesModifications
        DescribeVpcAttribute DescribeVpcEndpointServices DescribeVpcEndpoints
        DescribeVpcPeeringConnections DescribeVpcs GetConsoleOutput
        GetManagedPrefixListEntries GetPasswordData
    """),
    "iam": _names("""
        GetAccessKeyLastUsed GetAccountAuthorizationDetails GetAccountPasswordPolicy
        GetAccountProperties GetAccountSummary GetContextKeysForCustomPolicy
        GetContextKeysForPrincipalPolicy GetCredentialReport GetDelegationRequest
        GetGroup GetGroupPolicy GetHumanReadableSummary GetInstanceProfile
        GetLoginProfile GetMFADevice GetOpenIDConnectProvider
        GetOrganizationsAccessReport GetOutboundWebIdentityFederationInfo GetPolicy
        GetPolicyVersion GetRole GetRolePolicy GetRoleTemplateVersion
        GetSAMLProvider GetSSHPublicKey GetServerCertificate
        GetServiceLastAccessedDetails GetServiceLastAccessedDetailsWithEntities
        GetServiceLinkedRoleDeletionStatus GetUser GetUserPolicy ListAccessKeys
        ListAccountAliases ListAttachedGroupPolicies ListAttachedRolePolicies
        ListAttachedUserPolicies ListDelegationRequests ListEntitiesForPolicy
        ListGroupPolicies ListGroups ListGroupsForUser ListInstanceProfileTags
        ListInstanceProfiles ListInstanceProfilesForRole ListMFADeviceTags
        ListMFADevices ListOpenIDConnectProviderTags ListOpenIDConnectProviders
        ListOrganizationsFeatures ListPolicies ListPoliciesGrantingServiceAccess
        ListPolicyTags ListPolicyVersions ListRolePolicies ListRoleTags ListRoles
        ListSAMLProviderTags ListSAMLProviders ListSSHPublicKeys
        ListServerCertificateTags ListServerCertificates
        ListServiceSpecificCredentials ListSigningCertificates ListUserPolicies
        ListUserTags ListUsers ListVirtualMFADevices
    """),
    "pricing": _names("""
        DescribeServices GetAttributeValues GetPriceListFileUrl GetProducts
        ListPriceLists
    """),
    "rds": _names("""
        DescribeAccountAttributes DescribeBlueGreenDeployments DescribeCertificates
        DescribeDBCapacityReservations DescribeDBClusterAutomatedBackups
        DescribeDBClusterBacktracks DescribeDBClusterEndpoints
        DescribeDBClusterParameterGroups DescribeDBClusterParameters
        DescribeDBClusterSnapshotAttributes DescribeDBClusterSnapshots
        DescribeDBClusters DescribeDBEngineVersions
        DescribeDBInstanceAutomatedBackups DescribeDBInstances DescribeDBLogFiles
        DescribeDBMajorEngineVersions DescribeDBParameterGroups DescribeDBParameters
        DescribeDBProxies DescribeDBProxyEndpoints DescribeDBProxyTargetGroups
        DescribeDBProxyTargets DescribeDBRecommendations DescribeDBSecurityGroups
        DescribeDBShardGroups DescribeDBSnapshotAttributes
        DescribeDBSnapshotTenantDatabases DescribeDBSnapshots DescribeDBSubnetGroups
        DescribeEngineDefaultClusterParameters DescribeEngineDefaultParameters
        DescribeEventCategories DescribeEventSubscriptions DescribeEvents
        DescribeExportTasks DescribeGlobalClusters DescribeIntegrations
        DescribeOptionGroupOptions DescribeOptionGroups
        DescribeOrderableDBInstanceOptions DescribePendingMaintenanceActions
        DescribeReservedDBInstances DescribeReservedDBInstancesOfferings
        DescribeServerlessV2PlatformVersions DescribeSourceRegions
        DescribeTenantDatabases DescribeValidDBInstanceModifications
        ListTagsForResource
    """),
    "secretsmanager": _names("""
        BatchGetSecretValue DescribeSecret GetRandomPassword GetResourcePolicy
        GetSecretValue ListResourcePolicies ListSecretVersionIds ListSecrets
    """),
    "ssm": _names("""
        DescribeParameters GetParameter GetParameterHistory GetParameters
        GetParametersByPath ListTagsForResource
    """),
    "sts": _names("""
        GetAccessKeyInfo GetCallerIdentity
    """),
    "tagging": _names("""
        GetResources GetTagKeys GetTagValues
    """),
}


def is_read(service: str, operation: str) -> bool:
    """Whether an operation is known to change nothing.

    Args:
        service: the signing name, such as "dynamodb".
        operation: such as "GetItem"; "" where it is not known.
    """
    return operation in READS.get(service, frozenset())
