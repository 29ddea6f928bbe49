/**
 * A fault that the caller sees: AWS's code, sentence and status. Status and sender come from the model where the model
 * declares the error, else from `status`.
 */
export class AwsFault extends Error {
  override readonly name = "AwsFault";
  readonly code: string;
  readonly status: number | undefined;
  /** Further members of the error's shape (`reason`), or of S3's error document (`Key`, `BucketName`). */
  readonly detail: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
  constructor(
    code: string,
    message: string,
    options: {
      status?: number;
      detail?: Readonly<Record<string, unknown>>;
      headers?: Readonly<Record<string, string>>;
    } = {},
  ) {
    super(message);
    this.code = code;
    this.status = options.status;
    this.detail = options.detail ?? {};
    this.headers = options.headers ?? {};
  }
}

/** `throw fault("NoSuchBucket", "The specified bucket does not exist", { detail: { BucketName } })` */
export function fault(code: string, message: string, options?: ConstructorParameters<typeof AwsFault>[2]): AwsFault {
  return new AwsFault(code, message, options);
}
