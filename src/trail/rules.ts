/** What PutEventSelectors refuses. Pure. */
import type { AdvancedEventSelector, AdvancedFieldSelector, EventSelector } from "@aws-sdk/client-cloudtrail";
import { fault } from "../wire/fault.ts";
import { FIELDS } from "./selectors.ts";
import type { Selectors } from "./trails.ts";

const SELECTORS_LIMIT = 5;
const DATA_RESOURCES_LIMIT = 250;
const CONDITIONS_LIMIT = 500;
const EXCLUDABLE_SOURCES = ["kms.amazonaws.com", "rdsdata.amazonaws.com"];
/** Basic data resources: how the ARNs of each type begin. */
const RESOURCE_TYPES: Readonly<Record<string, string>> = {
  "AWS::S3::Object": "arn:aws:s3",
  "AWS::Lambda::Function": "arn:aws:lambda",
  "AWS::DynamoDB::Table": "arn:aws:dynamodb",
};
const OPERATORS = ["Equals", "StartsWith", "EndsWith", "NotEquals", "NotStartsWith", "NotEndsWith"] as const;
const MANAGEMENT_FIELDS = new Set([
  "eventCategory",
  "readOnly",
  "eventSource",
  "eventName",
  "eventType",
  "userIdentity.arn",
  "sessionCredentialFromConsole",
  "errorCode",
]);

function invalid(sentence: string): never {
  throw fault("InvalidEventSelectorsException", sentence);
}

/** The selectors of a PutEventSelectors request, checked; throws InvalidEventSelectorsException. */
export function checkedSelectors(request: {
  readonly EventSelectors?: readonly EventSelector[] | undefined;
  readonly AdvancedEventSelectors?: readonly AdvancedEventSelector[] | undefined;
}): Selectors {
  const { EventSelectors: basic, AdvancedEventSelectors: advanced } = request;
  if (basic && advanced)
    invalid("You can use either EventSelectors or AdvancedEventSelectors, but not both, in one request.");
  if (basic) return { style: "basic", selectors: checkBasic(basic) };
  if (advanced) return { style: "advanced", selectors: checkAdvanced(advanced) };
  return invalid("Specify EventSelectors or AdvancedEventSelectors.");
}

function checkBasic(selectors: readonly EventSelector[]): readonly EventSelector[] {
  if (selectors.length < 1 || selectors.length > SELECTORS_LIMIT)
    invalid(`A trail must have 1 to ${SELECTORS_LIMIT} event selectors; the request has ${selectors.length}.`);
  let resources = 0;
  for (const selector of selectors) {
    const kind: string = selector.ReadWriteType ?? "All";
    if (!["All", "ReadOnly", "WriteOnly"].includes(kind)) invalid(`The value ${kind} is not valid for ReadWriteType.`);
    for (const source of selector.ExcludeManagementEventSources ?? [])
      if (!EXCLUDABLE_SOURCES.includes(source))
        invalid(
          `${source} cannot be excluded: ExcludeManagementEventSources takes ${EXCLUDABLE_SOURCES.join(" and ")}.`,
        );
    if (selector.IncludeManagementEvents === false && (selector.ExcludeManagementEventSources?.length ?? 0) > 0)
      invalid("ExcludeManagementEventSources is valid only when IncludeManagementEvents is true.");
    for (const { Type, Values } of selector.DataResources ?? []) resources += checkResource(Type, Values ?? []);
  }
  if (resources > DATA_RESOURCES_LIMIT)
    invalid(`A trail is limited to ${DATA_RESOURCES_LIMIT} data resources; the request has ${resources}.`);
  return selectors.map((selector) => ({
    ReadWriteType: selector.ReadWriteType ?? "All",
    IncludeManagementEvents: selector.IncludeManagementEvents ?? true,
    DataResources: selector.DataResources ?? [],
    ExcludeManagementEventSources: selector.ExcludeManagementEventSources ?? [],
  }));
}

function checkResource(type: string | undefined, values: readonly string[]): number {
  const start = RESOURCE_TYPES[type ?? ""];
  if (start === undefined)
    return invalid(
      `The value ${type} is not valid for DataResources.Type: it takes ${Object.keys(RESOURCE_TYPES).join(", ")}.`,
    );
  if (values.length === 0) invalid(`DataResources of type ${type} must have at least one value.`);
  for (const value of values)
    if (!value.startsWith(start) || (value.length > start.length && value[start.length] !== ":"))
      invalid(`Value ${value} for DataResources.Values is not valid: ARNs of ${type} begin with ${start}.`);
  return values.length;
}

function checkAdvanced(selectors: readonly AdvancedEventSelector[]): readonly AdvancedEventSelector[] {
  if (selectors.length === 0) invalid("AdvancedEventSelectors must have at least one selector.");
  let conditions = 0;
  for (const selector of selectors) {
    const fields = selector.FieldSelectors ?? [];
    const byField = new Map<string, AdvancedFieldSelector>();
    for (const field of fields) {
      const name = field.Field ?? "";
      if (byField.has(name)) invalid(`Field ${name} stands twice in one advanced event selector.`);
      byField.set(name, field);
      conditions += checkField(field, name);
    }
    checkCategory(byField);
  }
  if (conditions > CONDITIONS_LIMIT)
    invalid(
      `A trail is limited to ${CONDITIONS_LIMIT} conditions in all advanced event selectors; the request has ${conditions}.`,
    );
  return selectors;
}

function checkField(field: AdvancedFieldSelector, name: string): number {
  if (!FIELDS.has(name)) invalid(`Field ${name} is not valid: it takes ${[...FIELDS].join(", ")}.`);
  const used = OPERATORS.filter((operator) => field[operator] !== undefined);
  if (used.length === 0) invalid(`Field ${name} must have at least one operator.`);
  let conditions = 0;
  for (const operator of used) {
    const values = field[operator] ?? [];
    if (values.length === 0) invalid(`The operator ${operator} of field ${name} must have at least one value.`);
    if (operator !== "Equals" && ["eventCategory", "readOnly", "resources.type"].includes(name))
      invalid(`The operator ${operator} is not valid for field ${name}: it takes only Equals.`);
    conditions += values.length;
  }
  if (name === "readOnly" && !(field.Equals ?? []).every((value) => value === "true" || value === "false"))
    invalid("Field readOnly takes the values true and false.");
  return conditions;
}

function checkCategory(byField: ReadonlyMap<string, AdvancedFieldSelector>): void {
  const categories = byField.get("eventCategory")?.Equals ?? [];
  const [category] = categories;
  if (category === undefined || categories.length > 1)
    invalid("Every advanced event selector must have the field eventCategory with exactly one value.");
  if (!["Management", "Data", "NetworkActivity"].includes(category))
    invalid(`The value ${category} is not valid for eventCategory.`);
  if (category === "Management") {
    for (const name of byField.keys())
      if (!MANAGEMENT_FIELDS.has(name)) invalid(`Field ${name} is not valid for eventCategory Management.`);
  } else if (category === "Data") {
    if (byField.get("resources.type")?.Equals?.length !== 1)
      invalid("An advanced event selector for data events must have the field resources.type with exactly one value.");
  } else if (!byField.has("eventSource"))
    invalid("An advanced event selector for network activity events must have the field eventSource.");
}
