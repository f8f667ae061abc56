"""Topics, queues, buses, rules, alarms, schedules."""

from __future__ import annotations

import json
from typing import Any

from sandbox.aws.cloudformation.resources import Clients, Created, Properties, handles, tags_of


@handles("AWS::SNS::Topic")
def topic(clients: Clients, properties: Properties) -> Created:
    name = properties.name("TopicName")
    attributes = properties.same("DisplayName", "KmsMasterKeyId")
    subscriptions = properties.take("Subscription", [])
    tags = [{"Key": key, "Value": value} for key, value in tags_of(properties).items()]
    arn = clients("sns").create_topic(Name=name, Attributes=attributes, Tags=tags)["TopicArn"]
    for each in subscriptions:
        clients("sns").subscribe(TopicArn=arn, Protocol=each["Protocol"], Endpoint=each["Endpoint"])
    return Created(arn, {"TopicArn": arn, "TopicName": name})


@handles("AWS::SNS::Subscription")
def subscription(clients: Clients, properties: Properties) -> Created:
    attributes: dict[str, str] = {}
    if (pattern := properties.take("FilterPolicy")) is not None:
        attributes["FilterPolicy"] = json.dumps(pattern)
    if (raw := properties.take("RawMessageDelivery")) is not None:
        attributes["RawMessageDelivery"] = str(raw).lower()
    created = clients("sns").subscribe(
        Attributes=attributes, ReturnSubscriptionArn=True, **properties.same("TopicArn", "Protocol", "Endpoint")
    )
    return Created(created["SubscriptionArn"])


@handles("AWS::SNS::TopicPolicy")
def topic_policy(clients: Clients, properties: Properties) -> Created:
    document = json.dumps(properties.require("PolicyDocument"))
    for arn in properties.require("Topics"):
        clients("sns").set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=document)
    return Created(properties.logical_id)


@handles("AWS::SQS::Queue")
def queue(clients: Clients, properties: Properties) -> Created:
    name = properties.name("QueueName")
    attributes = properties.same(
        "DelaySeconds",
        "KmsMasterKeyId",
        "MessageRetentionPeriod",
        "ReceiveMessageWaitTimeSeconds",
        "RedrivePolicy",
        "SqsManagedSseEnabled",
        "VisibilityTimeout",
        "FifoQueue",
        "ContentBasedDeduplication",
    )
    texts = {key: _text(value) for key, value in attributes.items()}
    sqs = clients("sqs")
    url = sqs.create_queue(QueueName=name, Attributes=texts, tags=tags_of(properties))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return Created(url, {"Arn": arn, "QueueName": name, "QueueUrl": url})


@handles("AWS::SQS::QueuePolicy")
def queue_policy(clients: Clients, properties: Properties) -> Created:
    document = json.dumps(properties.require("PolicyDocument"))
    for url in properties.require("Queues"):
        clients("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": document})
    return Created(properties.logical_id)


@handles("AWS::Events::EventBus")
def event_bus(clients: Clients, properties: Properties) -> Created:
    name = properties.require("Name")
    tags = [{"Key": key, "Value": value} for key, value in tags_of(properties).items()]
    properties.ignore("Description", "LogConfig")
    arn = clients("events").create_event_bus(Name=name, Tags=tags)["EventBusArn"]
    return Created(name, {"Arn": arn, "Name": name})


@handles("AWS::Events::Rule")
def rule(clients: Clients, properties: Properties) -> Created:
    name = properties.name("Name")
    pattern = properties.take("EventPattern")
    bus = properties.take("EventBusName")
    on_bus = {"EventBusName": bus} if bus else {}
    targets = properties.take("Targets", [])
    arn = clients("events").put_rule(
        Name=name,
        **({"EventPattern": json.dumps(pattern)} if pattern else {}),
        **properties.same("Description", "ScheduleExpression", "State", "RoleArn"),
        **on_bus,
    )["RuleArn"]
    if targets:
        clients("events").put_targets(Rule=name, Targets=targets, **on_bus)
    return Created(name, {"Arn": arn})


@handles("AWS::Events::EventBusPolicy")
def event_bus_policy(clients: Clients, properties: Properties) -> Created:
    statement = properties.require("Statement")
    bus = properties.take("EventBusName", "default")
    sid = properties.require("StatementId")
    document = {"Version": "2012-10-17", "Statement": [{"Sid": sid, **statement}]}
    clients("events").put_permission(EventBusName=bus, Policy=json.dumps(document))
    return Created(sid)


@handles("AWS::CloudWatch::Alarm")
def alarm(clients: Clients, properties: Properties) -> Created:
    name = properties.name("AlarmName")
    cloudwatch = clients("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Tags=[{"Key": key, "Value": value} for key, value in tags_of(properties).items()],
        **properties.same(
            "ActionsEnabled",
            "AlarmActions",
            "AlarmDescription",
            "ComparisonOperator",
            "DatapointsToAlarm",
            "Dimensions",
            "EvaluationPeriods",
            "InsufficientDataActions",
            "MetricName",
            "Metrics",
            "Namespace",
            "OKActions",
            "Period",
            "Statistic",
            "ExtendedStatistic",
            "Threshold",
            "TreatMissingData",
            "Unit",
        ),
    )
    arn = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["AlarmArn"]
    return Created(name, {"Arn": arn})


@handles("AWS::Scheduler::ScheduleGroup")
def schedule_group(clients: Clients, properties: Properties) -> Created:
    name = properties.name("Name")
    tags = [{"Key": key, "Value": value} for key, value in tags_of(properties).items()]
    arn = clients("scheduler").create_schedule_group(Name=name, Tags=tags)["ScheduleGroupArn"]
    return Created(name, {"Arn": arn})


@handles("AWS::Scheduler::Schedule")
def schedule(clients: Clients, properties: Properties) -> Created:
    """Stored, never fired: whoever wants it to run starts its target."""
    name = properties.name("Name")
    created = clients("scheduler").create_schedule(
        Name=name,
        **properties.same(
            "Description",
            "EndDate",
            "FlexibleTimeWindow",
            "GroupName",
            "KmsKeyArn",
            "ScheduleExpression",
            "ScheduleExpressionTimezone",
            "StartDate",
            "State",
            "Target",
        ),
    )
    return Created(name, {"Arn": created["ScheduleArn"]})


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, dict | list) else str(value)
