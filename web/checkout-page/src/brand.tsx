import type { Brand as BrandOf } from "checkout-sessions/flow";

/** Who asks for the money. It comes from the deployment alone: a session cannot pretend to be another shop. */
export function Brand({ brand }: { brand: BrandOf }) {
  if (brand.name === undefined && brand.logo === undefined) return null;
  return (
    <header className="brand">
      {brand.logo?.startsWith("data:image/") && <img src={brand.logo} alt="" height="32" />}
      {brand.name !== undefined && <span>{brand.name}</span>}
    </header>
  );
}
