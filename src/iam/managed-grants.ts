/** What each policy that AWS manages grants, compactly: actions are lists in one text, parted by spaces. */

type Grant = {
  readonly Effect?: "Deny";
  readonly Action?: string | readonly string[];
  readonly NotAction?: readonly string[];
  readonly Resource: string;
  readonly Condition?: unknown;
};
const grant = (actions: string, Resource = "*", Condition?: unknown): Grant => {
  const Action = actions.includes(" ") ? actions.split(" ") : actions;
  return Condition === undefined ? { Action, Resource } : { Action, Resource, Condition };
};
const passTo = (...services: readonly string[]): Grant =>
  grant("iam:PassRole", "arn:aws:iam::*:role/*", { StringLike: { "iam:PassedToService": services } });
const linked = (service: string, role: string): Grant =>
  grant("iam:CreateServiceLinkedRole", `arn:aws:iam::*:role/aws-service-role/${service}/${role}`, {
    StringLike: { "iam:AWSServiceName": service },
  });

const READS =
  "access-analyzer:List* apigateway:GET autoscaling:Describe* cloudformation:Describe* cloudformation:Get* cloudformation:List* " +
  "cloudtrail:Describe* cloudtrail:Get* cloudtrail:List* cloudtrail:LookupEvents cloudwatch:Describe* cloudwatch:Get* " +
  "cloudwatch:List* dynamodb:BatchGet* dynamodb:Describe* dynamodb:Get* dynamodb:List* dynamodb:Query dynamodb:Scan " +
  "ec2:Describe* ecr:BatchGet* ecr:Describe* ecr:Get* ecr:List* ecs:Describe* ecs:List* events:Describe* events:List* " +
  "events:Test* iam:Generate* iam:Get* iam:List* iam:Simulate* kms:Describe* kms:Get* kms:List* lambda:Get* lambda:List* " +
  "logs:Describe* logs:FilterLogEvents logs:Get* logs:List* logs:StartQuery logs:StopQuery logs:TestMetricFilter pipes:Describe* " +
  "pipes:List* rekognition:CompareFaces rekognition:Describe* rekognition:Detect* rekognition:List* rekognition:Search* " +
  "s3:Describe* s3:Get* s3:List* scheduler:Get* scheduler:List* schemas:Describe* schemas:Get* schemas:List* " +
  "secretsmanager:Describe* secretsmanager:List* sns:Check* sns:Get* sns:List* sqs:Get* sqs:List* sqs:Receive* ssm:Describe* " +
  "ssm:Get* ssm:List* states:Describe* states:GetExecutionHistory states:List* states:ValidateStateMachineDefinition " +
  "sts:GetAccessKeyInfo sts:GetCallerIdentity sts:GetSessionToken tag:Get* xray:BatchGet* xray:Get*";
const VIEWS =
  "cloudformation:Describe* cloudformation:List* cloudtrail:Describe* cloudtrail:GetTrailStatus cloudtrail:List* cloudtrail:LookupEvents " +
  "cloudwatch:Describe* cloudwatch:Get* cloudwatch:List* dynamodb:Describe* dynamodb:List* ec2:Describe* events:Describe* events:List* " +
  "iam:Get* iam:List* lambda:Get* lambda:List* logs:Describe* s3:GetBucketLocation s3:ListAllMyBuckets s3:ListBucket scheduler:List* " +
  "sns:Get* sns:List* sqs:Get* sqs:List* ssm:Describe* ssm:List* states:Describe* states:List*";
const LOG_WRITES = "logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents";
const S3_READS = "s3:Get* s3:List* s3:Describe* s3-object-lambda:Get* s3-object-lambda:List*";
const TRAIL_BUCKETS = "arn:aws:s3:::aws-cloudtrail-logs*";
const LAMBDA_READS = "cloudformation:DescribeStacks cloudformation:ListStackResources cloudwatch:ListMetrics";
const QUEUE_READS = "sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes";
const EVENT_READS =
  "events:DescribeRule events:DescribeEventBus events:DescribeEventSource events:DescribeArchive events:DescribeReplay";
const EVENT_LISTS =
  "events:ListEventBuses events:ListEventSources events:ListRuleNamesByTarget events:ListRules events:ListTargetsByRule events:TestEventPattern";

type Entry = readonly [path: string, name: string, description: string, grants: readonly Grant[]];
export const ENTRIES: readonly Entry[] = [
  ["/", "AdministratorAccess", "Provides full access to AWS services and resources.", [grant("*")]],
  [
    "/",
    "PowerUserAccess",
    "Provides full access to AWS services and resources, but does not allow management of Users and groups.",
    [
      { NotAction: ["iam:*", "organizations:*", "account:*"], Resource: "*" },
      grant(
        "account:GetAccountInformation account:ListRegions iam:CreateServiceLinkedRole iam:DeleteServiceLinkedRole iam:ListRoles organizations:DescribeOrganization",
      ),
    ],
  ],
  ["/", "ReadOnlyAccess", "Provides read-only access to AWS services and resources.", [grant(READS)]],
  [
    "/job-function/",
    "ViewOnlyAccess",
    "This policy grants permissions to view resources and basic metadata.",
    [grant(VIEWS)],
  ],
  ["/", "SecurityAudit", "Grants access to read security configuration metadata.", [grant(VIEWS)]],
  [
    "/",
    "IAMFullAccess",
    "Provides full access to IAM via the AWS Management Console.",
    [grant("iam:* organizations:DescribeAccount")],
  ],
  [
    "/",
    "IAMReadOnlyAccess",
    "Provides read only access to IAM via the AWS Management Console.",
    [grant("iam:GenerateCredentialReport iam:Get* iam:List* iam:SimulateCustomPolicy iam:SimulatePrincipalPolicy")],
  ],
  [
    "/",
    "IAMUserChangePassword",
    "Provides the ability for an IAM user to change their own password.",
    [grant("iam:ChangePassword", "arn:aws:iam::*:user/${aws:username}"), grant("iam:GetAccountPasswordPolicy")],
  ],
  ["/", "AmazonS3FullAccess", "Provides full access to all buckets.", [grant("s3:* s3-object-lambda:*")]],
  ["/", "AmazonS3ReadOnlyAccess", "Provides read only access to all buckets.", [grant(S3_READS)]],
  ["/", "AWSStepFunctionsFullAccess", "Access to all of the actions of AWS Step Functions.", [grant("states:*")]],
  [
    "/",
    "AWSStepFunctionsReadOnlyAccess",
    "Read only access to AWS Step Functions.",
    [grant("states:List* states:Describe* states:GetExecutionHistory states:GetActivityTask")],
  ],
  [
    "/",
    "AWSStepFunctionsConsoleFullAccess",
    "Access to AWS Step Functions by its console.",
    [
      grant("states:*"),
      grant("iam:ListRoles lambda:ListFunctions"),
      grant("iam:PassRole", "arn:aws:iam::*:role/service-role/StatesExecutionRole*"),
    ],
  ],
  [
    "/",
    "AmazonEventBridgeFullAccess",
    "Provides full access to Amazon EventBridge.",
    [
      grant("events:* schemas:* scheduler:* pipes:*"),
      passTo("events.amazonaws.com"),
      passTo("scheduler.amazonaws.com"),
      passTo("pipes.amazonaws.com"),
    ],
  ],
  [
    "/",
    "AmazonEventBridgeReadOnlyAccess",
    "Provides read only access to Amazon EventBridge.",
    [
      grant(
        `${EVENT_READS} ${EVENT_LISTS} events:ListArchives events:ListReplays events:ListConnections scheduler:Get* scheduler:List* pipes:Describe* pipes:List* schemas:Describe* schemas:List* schemas:Search*`,
      ),
    ],
  ],
  [
    "/",
    "AmazonEventBridgeSchedulerFullAccess",
    "Grants full access to EventBridge Scheduler.",
    [grant("scheduler:*"), passTo("scheduler.amazonaws.com")],
  ],
  [
    "/",
    "CloudWatchEventsFullAccess",
    "Provides full access to Amazon CloudWatch Events.",
    [grant("events:* schemas:* scheduler:* pipes:*"), passTo("events.amazonaws.com")],
  ],
  [
    "/",
    "CloudWatchEventsReadOnlyAccess",
    "Provides read only access to Amazon CloudWatch Events.",
    [grant(`${EVENT_READS} ${EVENT_LISTS}`)],
  ],
  [
    "/",
    "CloudWatchLogsFullAccess",
    "Provides full access to CloudWatch Logs",
    [grant("logs:* cloudwatch:GenerateQuery")],
  ],
  [
    "/",
    "CloudWatchLogsReadOnlyAccess",
    "Provides read only access to CloudWatch Logs",
    [
      grant(
        "logs:Describe* logs:Get* logs:List* logs:StartQuery logs:StopQuery logs:TestMetricFilter logs:FilterLogEvents",
      ),
    ],
  ],
  [
    "/",
    "CloudWatchFullAccess",
    "Provides full access to CloudWatch.",
    [grant("autoscaling:Describe* cloudwatch:* logs:* sns:* iam:GetPolicy iam:GetPolicyVersion iam:GetRole")],
  ],
  [
    "/",
    "AWSCloudTrail_FullAccess",
    "Provides full access to AWS CloudTrail.",
    [
      grant(
        "sns:AddPermission sns:CreateTopic sns:SetTopicAttributes sns:GetTopicAttributes",
        "arn:aws:sns:*:*:aws-cloudtrail-logs*",
      ),
      grant("sns:ListTopics"),
      grant("s3:CreateBucket s3:PutBucketPolicy s3:PutBucketPublicAccessBlock", TRAIL_BUCKETS),
      grant("s3:ListAllMyBuckets s3:GetBucketLocation s3:GetBucketPolicy"),
      grant("cloudtrail:*"),
      grant("logs:CreateLogGroup", "arn:aws:logs:*:*:log-group:aws-cloudtrail-logs*"),
      grant("iam:ListRoles iam:GetRolePolicy iam:GetUser"),
      grant("iam:PassRole", "*", { StringEquals: { "iam:PassedToService": "cloudtrail.amazonaws.com" } }),
      grant(
        "kms:CreateKey kms:CreateAlias kms:ListKeys kms:ListAliases lambda:ListFunctions dynamodb:ListGlobalTables dynamodb:ListTables",
      ),
    ],
  ],
  [
    "/",
    "AWSCloudTrail_ReadOnlyAccess",
    "Provides read only access to AWS CloudTrail.",
    [grant("cloudtrail:Get* cloudtrail:Describe* cloudtrail:List* cloudtrail:LookupEvents")],
  ],
  [
    "/",
    "AWSLambda_FullAccess",
    "Grants full access to AWS Lambda service.",
    [
      grant(
        `${LAMBDA_READS} lambda:* iam:GetPolicy iam:GetPolicyVersion iam:GetRole iam:GetRolePolicy iam:ListAttachedRolePolicies iam:ListRolePolicies iam:ListRoles logs:DescribeLogGroups states:DescribeStateMachine states:ListStateMachines tag:GetResources xray:GetTraceSummaries xray:BatchGetTraces`,
      ),
      passTo("lambda.amazonaws.com"),
      grant(
        "logs:DescribeLogStreams logs:GetLogEvents logs:FilterLogEvents",
        "arn:aws:logs:*:*:log-group:/aws/lambda/*",
      ),
    ],
  ],
  [
    "/",
    "AWSLambda_ReadOnlyAccess",
    "Grants read-only access to AWS Lambda service.",
    [grant(`${LAMBDA_READS} lambda:Get* lambda:List* iam:GetRole iam:ListRoles logs:DescribeLogGroups`)],
  ],
  [
    "/",
    "AWSLambdaExecute",
    "Provides Put, Get access to S3 and full access to CloudWatch Logs.",
    [grant("logs:*", "arn:aws:logs:*:*:*"), grant("s3:GetObject s3:PutObject", "arn:aws:s3:::*")],
  ],
  [
    "/service-role/",
    "AWSLambdaBasicExecutionRole",
    "Provides write permissions to CloudWatch Logs.",
    [grant(LOG_WRITES)],
  ],
  ["/service-role/", "AWSLambdaRole", "Default policy for AWS Lambda service role.", [grant("lambda:InvokeFunction")]],
  [
    "/service-role/",
    "AWSLambdaSQSQueueExecutionRole",
    "Provides receive message, delete message, and read attribute access to SQS queues, and write permissions to CloudWatch logs.",
    [grant(`${QUEUE_READS} ${LOG_WRITES}`)],
  ],
  [
    "/service-role/",
    "AWSLambdaDynamoDBExecutionRole",
    "Provides list and read access to DynamoDB streams and write permissions to CloudWatch logs.",
    [grant(`dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator dynamodb:ListStreams ${LOG_WRITES}`)],
  ],
  [
    "/service-role/",
    "AWSLambdaVPCAccessExecutionRole",
    "Provides minimum permissions for a Lambda function to execute while accessing a resource within a VPC.",
    [
      grant(
        `${LOG_WRITES} ec2:CreateNetworkInterface ec2:DescribeNetworkInterfaces ec2:DescribeSubnets ec2:DeleteNetworkInterface ec2:AssignPrivateIpAddresses ec2:UnassignPrivateIpAddresses`,
      ),
    ],
  ],
  [
    "/service-role/",
    "CloudWatchEventsInvocationAccess",
    "Allows Amazon CloudWatch Events to relay events to the streams in AWS Kinesis Streams in your account.",
    [grant("kinesis:PutRecord")],
  ],
  [
    "/service-role/",
    "CloudWatchEventsBuiltInTargetExecutionAccess",
    "Allows built-in targets in Amazon CloudWatch Events to perform EC2 actions on your behalf.",
    [grant("ec2:Describe* ec2:RebootInstances ec2:StopInstances ec2:TerminateInstances ec2:CreateSnapshot")],
  ],
  [
    "/service-role/",
    "AmazonAPIGatewayPushToCloudWatchLogs",
    "Allows API Gateway to push logs to user's account.",
    [grant(`${LOG_WRITES} logs:DescribeLogGroups logs:DescribeLogStreams logs:GetLogEvents logs:FilterLogEvents`)],
  ],
  [
    "/",
    "AWSXRayDaemonWriteAccess",
    "Allow the AWS X-Ray Daemon to relay raw trace segments data to the service's API.",
    [
      grant(
        "xray:PutTraceSegments xray:PutTelemetryRecords xray:GetSamplingRules xray:GetSamplingTargets xray:GetSamplingStatisticSummaries",
      ),
    ],
  ],
  ["/", "AmazonSQSFullAccess", "Provides full access to Amazon SQS.", [grant("sqs:*")]],
  [
    "/",
    "AmazonSQSReadOnlyAccess",
    "Provides read only access to Amazon SQS.",
    [
      grant(
        "sqs:GetQueueAttributes sqs:GetQueueUrl sqs:ListDeadLetterSourceQueues sqs:ListQueues sqs:ListMessageMoveTasks sqs:ListQueueTags",
      ),
    ],
  ],
  ["/", "AmazonSNSFullAccess", "Provides full access to Amazon SNS.", [grant("sns:*")]],
  [
    "/",
    "AmazonSNSReadOnlyAccess",
    "Provides read only access to Amazon SNS.",
    [grant("sns:Get* sns:List* sns:CheckIfPhoneNumberIsOptedOut")],
  ],
  [
    "/",
    "AmazonDynamoDBFullAccess",
    "Provides full access to Amazon DynamoDB.",
    [grant("dynamodb:* dax:*"), linked("replication.dynamodb.amazonaws.com", "*")],
  ],
  [
    "/",
    "AmazonDynamoDBReadOnlyAccess",
    "Provides read only access to Amazon DynamoDB.",
    [
      grant(
        "dynamodb:BatchGetItem dynamodb:Describe* dynamodb:Get* dynamodb:List* dynamodb:PartiQLSelect dynamodb:Query dynamodb:Scan",
      ),
    ],
  ],
  [
    "/",
    "AmazonSSMFullAccess",
    "Provides full access to Amazon SSM.",
    [
      grant("cloudwatch:PutMetricData logs:* ssm:* ec2messages:*"),
      linked("ssm.amazonaws.com", "AWSServiceRoleForAmazonSSM*"),
    ],
  ],
  [
    "/",
    "AmazonSSMReadOnlyAccess",
    "Provides read only access to Amazon SSM.",
    [grant("ssm:Describe* ssm:Get* ssm:List*")],
  ],
  ["/", "AmazonRekognitionFullAccess", "Access to all Amazon Rekognition APIs", [grant("rekognition:*")]],
  [
    "/",
    "AmazonRekognitionReadOnlyAccess",
    "Access to all Read rekognition APIs",
    [
      grant(
        "rekognition:CompareFaces rekognition:Detect* rekognition:List* rekognition:Search* rekognition:Get* rekognition:Describe* rekognition:RecognizeCelebrities",
      ),
    ],
  ],
  ["/", "AWSCloudFormationFullAccess", "Provides full access to AWS CloudFormation.", [grant("cloudformation:*")]],
  [
    "/",
    "AWSCloudFormationReadOnlyAccess",
    "Provides access to AWS CloudFormation via the AWS Management Console.",
    [
      grant(
        "cloudformation:Describe* cloudformation:EstimateTemplateCost cloudformation:Get* cloudformation:List* cloudformation:ValidateTemplate cloudformation:Detect*",
      ),
    ],
  ],
  ["/", "AWSDenyAll", "Deny all access.", [{ Effect: "Deny", Action: ["*"], Resource: "*" }]],
];
