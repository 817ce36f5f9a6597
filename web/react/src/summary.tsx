import type { Display } from "checkout-sessions";
import { useLanguage } from "./text.js";

/** What is bought, in the merchant's words. */
export function Summary({ display }: { display: Display | null | undefined }) {
  const { t, locale } = useLanguage();
  if (display == null) return null;
  const { title, description, line_items: items = [], currency } = display;
  const price = (amount: string) =>
    currency === undefined
      ? amount
      : new Intl.NumberFormat(locale, { style: "currency", currency, maximumFractionDigits: 20 }).format(
          // As text, because a number would round.
          amount as Intl.StringNumericLiteral,
        );
  return (
    <div className="checkout-summary">
      {title !== undefined && <p className="checkout-title">{title}</p>}
      {description !== undefined && <p>{description}</p>}
      {items.length > 0 && (
        <ul aria-label={t("items")}>
          {items.map((item, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: two items may be alike, and the list never changes
            <li key={index}>
              <span>{item.name}</span>
              <span>
                {[item.quantity > 1 ? item.quantity : "", item.amount && price(item.amount)]
                  .filter(Boolean)
                  .join(" × ")}
              </span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
