/** Thrown where a data set cannot be read: the run fails with it. */
export class ItemReaderFailed extends Error {
  override readonly name = "ItemReaderFailed";
  readonly error = "States.ItemReaderFailed";
}
