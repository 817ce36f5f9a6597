import { type ShownOffer, toDecimal } from "checkout-sessions/flow";
import { type FormEvent, useEffect, useId, useState } from "react";
import { amountText, typedAmount, useLanguage } from "./text.js";
import type { CheckoutState } from "./use-checkout.js";

/** The choice of chain and token, and of the amount if it is free. Nothing is created by choosing. */
export function Choose({ checkout }: { checkout: CheckoutState }) {
  const language = useLanguage();
  const { t } = language;
  const id = useId();
  const offers = useOrder(checkout);
  const [picked, setPicked] = useState<number>();
  const index = picked ?? offers[0]?.index ?? 0;
  const offer = checkout.view.offers[index];
  const [typed, setTyped] = useState<string>();
  const [isWrong, setWrong] = useState(false);
  if (offer === undefined) return null;
  const { decimals } = offer.token;
  const value = typed ?? toDecimal(offer.suggested ?? offer.amount, decimals);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const amount = offer.most === undefined ? offer.amount : amountWithin(value, offer);
    setWrong(amount === undefined);
    if (amount !== undefined) checkout.choose({ offer: index, amount });
  };
  return (
    <form onSubmit={submit} noValidate>
      {offers.length > 1 && (
        <fieldset className="checkout-offers">
          <legend className="checkout-hidden">{t("choose")}</legend>
          {offers.map(({ offer, index: number }) => (
            <label key={number}>
              <input type="radio" name={id} checked={number === index} onChange={() => setPicked(number)} />
              <span>
                {offer.token.symbol} · {offer.chainName}
              </span>
              {offer.most === undefined && <span>{amountText(offer.amount, offer, language)}</span>}
            </label>
          ))}
        </fieldset>
      )}
      {offers.length === 1 && <p className="checkout-on-chain">{offer.chainName}</p>}
      {offer.most !== undefined && (
        <div className="checkout-field">
          <label htmlFor={`${id}-amount`}>
            {t("amount")} ({offer.token.symbol})
          </label>
          <input
            id={`${id}-amount`}
            inputMode="decimal"
            autoComplete="off"
            value={value}
            aria-invalid={isWrong}
            aria-describedby={`${id}-bounds`}
            onChange={(event) => setTyped(event.currentTarget.value)}
          />
          <p id={`${id}-bounds`} role={isWrong ? "alert" : undefined}>
            {isWrong && `${t("amount_invalid")} `}
            {bounds(offer)}
          </p>
        </div>
      )}
      <button type="submit" className="checkout-primary">
        {t("continue")}
      </button>
    </form>
  );

  function bounds(offer: ShownOffer): string {
    const least = amountText(offer.amount, offer, language);
    if (offer.most === undefined || BigInt(offer.most) >= 2n ** 255n) return t("amount_from", { least });
    return t("amount_range", { least, most: amountText(offer.most, offer, language) });
  }
}

/** Reads what was typed; undefined if it is no amount within the offer's bounds. */
function amountWithin(typed: string, { amount, most, token }: ShownOffer): string | undefined {
  const value = typedAmount(typed, token.decimals);
  const isWithin =
    value !== undefined && BigInt(value) >= BigInt(amount) && (most === undefined || BigInt(value) <= BigInt(most));
  return isWithin ? value : undefined;
}

/** The offers, those on the wallet's chain first. */
function useOrder({ view, wallets }: CheckoutState): { offer: ShownOffer; index: number }[] {
  const [chainId, setChainId] = useState<number>();
  const provider = wallets[0]?.provider;
  useEffect(() => {
    let isCurrent = true;
    // A wallet says this without asking its owner. One that does not changes nothing.
    const asked = async () => provider?.request({ method: "eth_chainId" });
    asked().then(
      (id) => isCurrent && setChainId(Number(id)),
      () => {},
    );
    return () => {
      isCurrent = false;
    };
  }, [provider]);
  const numbered = view.offers.map((offer, index) => ({ offer, index }));
  const isNear = ({ offer }: { offer: ShownOffer }) => Number(offer.chainId === chainId);
  return numbered.sort((one, other) => isNear(other) - isNear(one));
}
