"""What a Python program sees: answers parsed by botocore's own models, faults as its own exception classes."""
import json
import os
import sys

import boto3
from botocore.client import Config
from botocore.exceptions import ClientError

endpoint = sys.argv[1]
config = Config(retries={"max_attempts": 1, "mode": "standard"}, s3={"addressing_style": "path"})


def client(name):
    return boto3.client(name, endpoint_url=endpoint, region_name="us-east-1", config=config)


s3, iam, sts, states, events, trail = map(client, ["s3", "iam", "sts", "stepfunctions", "events", "cloudtrail"])

account = sts.get_caller_identity()["Account"]
assert account == "123456789012", account

s3.create_bucket(Bucket="boto-bucket")
put = s3.put_object(Bucket="boto-bucket", Key="a b/ü.txt", Body=b"hello", Metadata={"colour": "grey"})
assert put["ETag"] == '"5d41402abc4b2a76b9719d911017c592"', put
got = s3.get_object(Bucket="boto-bucket", Key="a b/ü.txt")
assert got["Body"].read() == b"hello" and got["Metadata"] == {"colour": "grey"}, got
listed = s3.list_objects_v2(Bucket="boto-bucket")
assert [item["Key"] for item in listed["Contents"]] == ["a b/ü.txt"], listed
try:
    s3.get_object(Bucket="boto-bucket", Key="missing")
    raise SystemExit("a missing key was found")
except s3.exceptions.NoSuchKey as error:
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 404

# A body of 12 MiB goes in parts.
with open(os.path.join(sys.argv[2], "big"), "wb") as big:
    big.write(b"stepwell" * (12 * 1024 * 1024 // 8))
s3.upload_file(os.path.join(sys.argv[2], "big"), "boto-bucket", "big")
assert s3.head_object(Bucket="boto-bucket", Key="big")["ContentLength"] == 12 * 1024 * 1024
s3.download_file("boto-bucket", "big", os.path.join(sys.argv[2], "back"))
with open(os.path.join(sys.argv[2], "big"), "rb") as sent, open(os.path.join(sys.argv[2], "back"), "rb") as back:
    assert sent.read() == back.read()

try:
    iam.get_role(RoleName="nobody")
    raise SystemExit("nobody has a role")
except iam.exceptions.NoSuchEntityException as error:
    assert "nobody" in str(error)

trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
role = iam.create_role(RoleName="boto-role", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
assert role["AssumeRolePolicyDocument"] == trust, role

definition = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
machine = states.create_state_machine(name="boto", definition=json.dumps(definition), roleArn=role["Arn"])["stateMachineArn"]
execution = states.start_execution(stateMachineArn=machine, name="one", input='{"n": 1.0}')["executionArn"]
described = states.describe_execution(executionArn=execution)
assert described["status"] == "SUCCEEDED" and json.loads(described["output"]) == {"n": 1}, described
history = states.get_execution_history(executionArn=execution)["events"]
assert [event["type"] for event in history] == ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"], history
try:
    states.start_execution(stateMachineArn=machine + "x")
    raise SystemExit("a machine that is not there was started")
except states.exceptions.StateMachineDoesNotExist:
    pass

rule = events.put_rule(Name="boto", EventPattern=json.dumps({"source": ["boto"]}))["RuleArn"]
assert rule == "arn:aws:events:us-east-1:123456789012:rule/boto", rule
sent = events.put_events(Entries=[{"Source": "boto", "DetailType": "t", "Detail": "{}"}, {"Source": "boto", "DetailType": "t", "Detail": "no"}])
assert sent["FailedEntryCount"] == 1 and sent["Entries"][1]["ErrorCode"] == "MalformedDetail", sent
try:
    events.put_rule(Name="boto", EventPattern="{")
    raise SystemExit("a broken pattern was accepted")
except events.exceptions.InvalidEventPatternException:
    pass

found = trail.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateStateMachine"}])["Events"]
assert len(found) == 1 and json.loads(found[0]["CloudTrailEvent"])["eventSource"] == "states.amazonaws.com", found

wrong = boto3.client("sts", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"], aws_secret_access_key="wrong")
try:
    wrong.get_caller_identity()
    raise SystemExit("a wrong secret was accepted")
except ClientError as error:
    assert error.response["Error"]["Code"] == "SignatureDoesNotMatch", error
print("ok")
