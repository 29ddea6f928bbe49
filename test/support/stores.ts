/** Every suite that touches the store runs once for each of these. */
export type StoreKind = { readonly name: "sqlite" };
export const stores: readonly StoreKind[] = [{ name: "sqlite" }];
