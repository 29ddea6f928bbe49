/** Names an S3 endpoint that is not ours, with its key: `http://ACCESS:SECRET@host:port`. */
export const FOREIGN_S3 = "STEPWELL_TEST_S3";

export type ForeignS3 = {
  readonly endpoint: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
};
export function foreignS3(): ForeignS3 | undefined {
  const given = process.env[FOREIGN_S3];
  if (!given) return undefined;
  const { origin, username, password } = new URL(given);
  return {
    endpoint: origin,
    credentials: { accessKeyId: decodeURIComponent(username), secretAccessKey: decodeURIComponent(password) },
  };
}
